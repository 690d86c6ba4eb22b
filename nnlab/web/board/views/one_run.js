// The view "One run".

export const oneRunView = {
  title: "One run",
  create(container) {
    return {
      async update() {
        container.textContent = "";
      },
      destroy() {},
    };
  },
};
