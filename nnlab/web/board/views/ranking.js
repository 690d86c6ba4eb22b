// The view "Ranking".

export const rankingView = {
  title: "Ranking",
  create(container) {
    return {
      async update() {
        container.textContent = "";
      },
      destroy() {},
    };
  },
};
