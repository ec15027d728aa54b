// Tables that are searched, sorted by every column and turned page by page.
"use strict";

/**
 * A table over rows that are numbered from 0. `columns`: {label, key(i) → number or text, cell(i) → child (key by default), numeric,
 * title}. `options`: caption, n, search(i) → text in lower case, perPage, sort [column, descending], what (noun), header (column
 * that names the row).
 */
norna.table = function (columns, options) {
  const { el } = norna;
  const state = { page: 0, sort: options.sort || null, query: "", rows: null };
  const perPage = options.perPage || 50;
  const what = options.what || "row";
  const all = Array.from({ length: options.n }, (_, i) => i);
  const body = el("tbody");
  const count = el("p", { class: "count", role: "status", "aria-live": "polite" });
  const pager = el("div", { class: "pager" });
  const heads = columns.map((column, at) => {
    const button = el("button", { type: "button", title: column.title, onclick: () => sortBy(at) }, column.label, el("span", { class: "arrow", "aria-hidden": "true" }));
    return el("th", { scope: "col", class: column.numeric ? "number" : "" }, button);
  });
  const search = options.search && el("input", { type: "search", id: options.id && `${options.id}-search`, placeholder: options.placeholder || "", autocomplete: "off", spellcheck: "false", oninput: () => find(search.value) });

  function compare(a, b) {
    const [at, descending] = state.sort;
    const x = columns[at].key(a), y = columns[at].key(b);
    const none = (value) => value === null || value === undefined || value === "";
    if (none(x) || none(y)) return none(x) - none(y) || a - b;
    const order = typeof x === "number" ? x - y : collator.compare(x, y);
    return (descending ? -order : order) || a - b;
  }

  function arrange() {
    const words = state.query.trim().toLowerCase().split(/\s+/).filter((word) => word !== "");
    state.rows = words.length ? all.filter((i) => { const text = options.search(i); return words.every((word) => text.includes(word)); }) : all.slice();
    if (state.sort) state.rows.sort(compare);
    state.page = 0;
    show();
  }

  function find(query) {
    state.query = query;
    arrange();
  }

  function sortBy(at) {
    const descends = state.sort && state.sort[0] === at ? !state.sort[1] : Boolean(columns[at].numeric);
    state.sort = [at, descends];
    arrange();
    norna.say(`Sorted by ${columns[at].label}, ${descends ? "descending" : "ascending"}`);
  }

  function show() {
    const pages = Math.max(1, Math.ceil(state.rows.length / perPage));
    const first = state.page * perPage;
    const shown = state.rows.slice(first, first + perPage);
    heads.forEach((head, at) => {
      const sorted = state.sort && state.sort[0] === at;
      if (sorted) head.setAttribute("aria-sort", state.sort[1] ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    body.replaceChildren(...shown.map((i) => el("tr", {}, columns.map((column, at) => {
      const content = column.cell ? column.cell(i) : column.key(i);
      const kind = column.numeric ? "number" : column.kind || null;
      return at === (options.header || 0) ? el("th", { scope: "row", class: kind }, content) : el("td", { class: kind }, content);
    }))));
    if (shown.length === 0) body.append(el("tr", {}, el("td", { colspan: columns.length, class: "none" }, `No ${what} matches.`)));
    const found = norna.number.count(state.rows.length, what);
    count.textContent = state.query.trim() === "" ? found : `${norna.number.whole(state.rows.length)} of ${norna.number.count(options.n, what)} match`;
    turnPages(pages, first, shown.length);
  }

  function turnPages(pages, first, n) {
    pager.hidden = pages === 1;
    const turn = (label, name, page, off) => el("button", { type: "button", "aria-label": name, disabled: off, onclick: () => { state.page = page; show(); const again = pager.querySelector(`[aria-label="${name}"]:not(:disabled)`) || pager.querySelector("button:not(:disabled)"); if (again) again.focus(); norna.say(`Page ${state.page + 1} of ${pages}`); } }, label);
    pager.replaceChildren(
      turn("«", "First page", 0, state.page === 0), turn("‹ Previous", "Previous page", state.page - 1, state.page === 0),
      el("span", {}, `${norna.number.whole(first + 1)}–${norna.number.whole(first + n)} of ${norna.number.whole(state.rows.length)}`),
      turn("Next ›", "Next page", state.page + 1, state.page === pages - 1), turn("»", "Last page", pages - 1, state.page === pages - 1));
  }

  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const table = el("table", { id: options.id }, el("caption", { class: options.showCaption ? null : "unseen" }, options.caption), el("thead", {}, el("tr", {}, heads)), body);
  const tools = el("div", { class: "tools" }, search && el("label", {}, el("span", {}, options.searchLabel || "Search"), search), count);
  arrange();
  return el("div", { class: "tablebox" }, tools, el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": options.caption }, table), pager);
};

/** A small table as it stands: labels, and rows of children. */
norna.plainTable = function (caption, labels, rows, numeric) {
  const { el } = norna;
  const kind = (at) => (numeric && numeric.includes(at) ? "number" : null);
  return el("div", { class: "scroll" }, el("table", {}, el("caption", { class: "unseen" }, caption),
    el("thead", {}, el("tr", {}, labels.map((label, at) => el("th", { scope: "col", class: kind(at) }, label)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell, at) => el(at === 0 ? "th" : "td", { scope: at === 0 ? "row" : null, class: kind(at) }, cell)))))));
};
