// The view "Findings".

export const findingsView = {
  title: "Findings",
  create(container) {
    return {
      async update() {
        container.textContent = "";
      },
      destroy() {},
    };
  },
};
