// Light, dark, or as the system says. Runs before the first paint, so that nothing flashes.
(() => {
  const KEY = "framesrv-theme";
  const THEMES = ["system", "light", "dark"];

  const stored = () => {
    try {
      const found = localStorage.getItem(KEY);
      return THEMES.includes(found) ? found : "system";
    } catch {
      return "system"; // storage may be forbidden
    }
  };

  const show = (theme) => {
    document.documentElement.dataset.theme = theme;
    const button = document.getElementById("theme");
    if (button) {
      button.querySelector("span").textContent = `Theme: ${theme}`;
    }
  };

  const next = () => {
    const shown = document.documentElement.dataset.theme;
    const theme = THEMES[(THEMES.indexOf(shown) + 1) % THEMES.length];
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // then it holds for this page only
    }
    show(theme);
  };

  show(stored());
  document.addEventListener("DOMContentLoaded", () => {
    show(stored());
    document.getElementById("theme").addEventListener("click", next);
  });
})();
