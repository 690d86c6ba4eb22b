// The view "Two runs".

export const twoRunsView = {
  title: "Two runs",
  create(container) {
    return {
      async update() {
        container.textContent = "";
      },
      destroy() {},
    };
  },
};
