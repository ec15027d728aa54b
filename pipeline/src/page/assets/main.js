// Pages by what follows the # of the address, so that links and the way back work.
"use strict";

norna.pages = [
  { path: "", label: "Traits", show: () => norna.overviewPage() },
  { path: "cis-trans", label: "Cis and trans", show: () => norna.cisTransPage(), there: () => norna.data.cis_window !== null },
  { path: "run", label: "Run", show: () => norna.runPage() },
];

norna.receiveOverview = function (data) {
  norna.data = data;
  norna.traitNumber = new Map(data.traits.name.map((name, i) => [name, i]));
  document.getElementById("pages").replaceChildren(...norna.pages.filter((page) => !page.there || page.there()).map((page) =>
    norna.el("li", {}, norna.el("a", { href: `#/${page.path}`, "data-page": page.path }, page.label))));
  document.getElementById("made").textContent = `Made by norna ${data.norna_version} of ${data.file}. Statistics of groups alone: nothing in this folder is of a single person.`;
  norna.route(true);
};

/** Shows the page that the address names. */
norna.route = function (first) {
  if (!norna.data) return;
  const parts = location.hash.replace(/^#\/?/, "").split("/").map((part) => { try { return decodeURIComponent(part); } catch { return part; } });
  if (location.hash === "#main") return;
  norna.charts.clear();
  const page = norna.pages.find((page) => page.path === parts[0] && (!page.there || page.there()));
  let shown;
  if (page) shown = page.show();
  else if (parts[0] === "trait" && norna.traitNumber.has(parts[1])) shown = norna.traitPage(norna.traitNumber.get(parts[1]), parts.slice(2));
  else shown = { title: "Not in this report", content: [norna.el("h1", {}, "Not in this report"), norna.el("p", {}, "The address names nothing that this report has. ", norna.el("a", { href: "#/" }, "All traits"))] };
  const main = document.getElementById("main");
  main.replaceChildren(...shown.content.flat(4).filter(Boolean));
  document.title = `${shown.title} · norna report`;
  for (const link of document.querySelectorAll("#pages a")) {
    const here = page ? link.dataset.page === page.path : false;
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!first) {
    const heading = main.querySelector("h1");
    if (heading) {
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    }
    scrollTo(0, 0);
  }
  if (shown.start) shown.start();
  if (norna.opened === undefined) requestAnimationFrame(() => { norna.opened = performance.now(); });
};
addEventListener("hashchange", () => norna.route(false));

norna.theme = {
  dark: () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  },
  label() {
    const button = document.getElementById("theme");
    button.textContent = norna.theme.dark() ? "Light" : "Dark";
    button.setAttribute("aria-label", norna.theme.dark() ? "Light colours" : "Dark colours");
  },
  set(name) {
    document.documentElement.dataset.theme = name;
    norna.memory.set("theme", name);
    norna.theme.label();
    norna.charts.redraw();
  },
};
{
  const kept = norna.memory.get("theme");
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
  norna.theme.label();
  document.getElementById("theme").addEventListener("click", () => norna.theme.set(norna.theme.dark() ? "light" : "dark"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { norna.theme.label(); norna.charts.redraw(); });
}
