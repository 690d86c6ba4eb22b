// The view "Runs".

export const runsView = {
  title: "Runs",
  create(container) {
    return {
      async update() {
        container.textContent = "";
      },
      destroy() {},
    };
  },
};
