// Before anything is drawn: the theme that was chosen here; without one, the system's.
"use strict";
{
  let chosen = null;
  try { chosen = localStorage.getItem("breakeven-theme"); } catch { /* no storage: the system's */ }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
