// Live figures, the theme, copying; the page reads well without any of it.
"use strict";
{
  const PULSE_MS = 2000;
  const main = () => document.getElementById("main");
  const news = document.getElementById("news");
  const live = document.getElementById("live");
  let isBusy = false;

  const isLive = () => live.getAttribute("aria-pressed") === "true";
  const pulsePath = () => {
    const project = main().dataset.pulseOf;
    return "/api/pulse" + (project ? "?project=" + encodeURIComponent(project) : "");
  };

  // Puts the page of an address in the place of this one, and leaves focus, scroll and open details as they are.
  async function swap(address, isNew) {
    const answer = await fetch(address, { credentials: "same-origin" });
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("main");
    if (!fresh) throw new Error("no page");
    const open = new Set([...main().querySelectorAll("details[open]")].map((one) => [...main().querySelectorAll("details")].indexOf(one)));
    const focused = document.activeElement && main().contains(document.activeElement) ? document.activeElement : null;
    const key = focused && (focused.id ? "#" + CSS.escape(focused.id) : focused.getAttribute("href") ? "a[href=\"" + CSS.escape(focused.getAttribute("href")) + "\"]" : null);
    const scrolls = [...main().querySelectorAll(".scroll")].map((one) => one.scrollLeft);
    main().dataset.pulse = fresh.dataset.pulse;
    main().replaceChildren(...document.adoptNode(fresh).childNodes);
    if (!isNew || key) [...main().querySelectorAll("details")].forEach((one, i) => { one.open = open.has(i); });
    [...main().querySelectorAll(".scroll")].forEach((one, i) => { one.scrollLeft = scrolls[i] || 0; });
    if (key) main().querySelector(key)?.focus({ preventScroll: true });
    if (isNew) history.pushState(null, "", address);
    document.title = page.title;
    window.drawCharts();
  }

  async function look() {
    if (!isLive() || document.hidden || isBusy) return;
    isBusy = true;
    try {
      const answer = await fetch(pulsePath(), { credentials: "same-origin" });
      if (answer.status === 401) { location.reload(); return; }
      if (!answer.ok) throw new Error(String(answer.status));
      const now = await answer.json();
      // Nobody's words are taken away while they are written.
      const isWriting = main().contains(document.activeElement) && /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
      if (now.pulse !== main().dataset.pulse && !isWriting) {
        await swap(location.href, false);
        news.textContent = "new figures at " + new Date().toLocaleTimeString("en-GB");
      }
      live.classList.remove("lost");
    } catch {
      live.classList.add("lost");
      news.textContent = "the collector does not answer; trying again";
    } finally {
      isBusy = false;
    }
  }

  live.addEventListener("click", () => {
    const next = !isLive();
    live.setAttribute("aria-pressed", String(next));
    live.querySelector(".word").textContent = next ? "Live" : "Paused";
    if (next) look();
  });
  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    try { localStorage.setItem("breakeven-theme", root.dataset.theme); } catch { /* it holds for this page */ }
    window.drawCharts();
  });
  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const source = document.getElementById(copy.dataset.copy);
      try {
        await navigator.clipboard.writeText(source.textContent);
        copy.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(source);
        copy.textContent = "Selected";
      }
      return;
    }
    if (event.target.closest(".skip")) {
      event.preventDefault();
      main().focus();
      return;
    }
    const link = event.target.closest("a[data-swap]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
      event.preventDefault();
      main().classList.add("loading");
      try { await swap(link.href, true); } catch { location.assign(link.href); } finally { main().classList.remove("loading"); }
    }
  });
  addEventListener("popstate", () => location.reload());
  setInterval(look, PULSE_MS);
  look();
}
