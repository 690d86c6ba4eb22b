// The view "Curves".

export const curvesView = {
  title: "Curves",
  create(container) {
    return {
      async update() {
        container.textContent = "";
      },
      destroy() {},
    };
  },
};
