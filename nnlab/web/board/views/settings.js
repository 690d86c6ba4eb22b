// The view "Settings".

export const settingsView = {
  title: "Settings",
  create(container) {
    return {
      async update() {
        container.textContent = "";
      },
      destroy() {},
    };
  },
};
