// The view "Queue".

export const queueView = {
  title: "Queue",
  create(container) {
    return {
      async update() {
        container.textContent = "";
      },
      destroy() {},
    };
  },
};
