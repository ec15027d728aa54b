// Elements, numbers as text, and scripts of data that are loaded when they are needed. Text from the results reaches the page as
// text nodes and attributes alone, never as markup.
"use strict";

const norna = {};

/** An element. `attributes`: attributes, or `on…` listeners; children: elements, texts, lists of them, null. */
norna.el = function (tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(4).filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return element;
};

norna.number = {
  /** 1,234,567 */
  whole: (n) => (n === null || n === undefined ? "–" : Math.round(n).toLocaleString("en-US")),
  fixed: (x, digits) => (x === null || x === undefined || !isFinite(x) ? "–" : x.toFixed(digits).replace("-", "−")),
  /** As many digits as tell the number apart, without an exponent where that is short. */
  short(x) {
    if (x === null || x === undefined || !isFinite(x)) return "–";
    const size = Math.abs(x);
    const text = size !== 0 && (size < 1e-3 || size >= 1e6) ? x.toExponential(3) : String(Number(x.toPrecision(4)));
    return text.replace(/-/g, "−");
  },
  /** p out of −log10 p, which may be beyond what a number holds. */
  p(log10p) {
    if (log10p === null || log10p === undefined) return "–";
    if (log10p < 3) return Number(Math.pow(10, -log10p).toPrecision(3)).toString();
    let exponent = Math.ceil(log10p - 1e-12);
    let mantissa = Math.pow(10, exponent - log10p).toFixed(1);
    if (mantissa === "10.0") [mantissa, exponent] = ["1.0", exponent - 1];
    return `${mantissa.replace(".0", "")}e−${exponent}`;
  },
  bytes(n) {
    const units = ["B", "KB", "MB", "GB", "TB"];
    let unit = 0;
    while (n >= 1000 && unit < 4) [n, unit] = [n / 1000, unit + 1];
    return `${unit === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[unit]}`;
  },
  seconds(s) {
    if (s < 1) return `${Math.max(1, Math.round(s * 1000))} ms`;
    if (s < 120) return `${s.toFixed(1)} s`;
    const minutes = Math.round(s / 60);
    return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  },
  count: (n, noun) => `${norna.number.whole(n)} ${noun}${n === 1 ? "" : "s"}`,
};

/** What is kept between visits, where the browser allows it. */
norna.memory = {
  get(name) {
    try { return localStorage.getItem(`norna-report-${name}`); } catch { return null; }
  },
  set(name, value) {
    try { localStorage.setItem(`norna-report-${name}`, value); } catch { /* Private windows allow none. */ }
  },
};

/** Says a sentence to screen readers. */
norna.say = (text) => { document.getElementById("live").textContent = text; };

norna.loaded = new Map();

/** Loads a script once. */
norna.load = function (source) {
  if (!norna.loaded.has(source)) {
    norna.loaded.set(source, new Promise((resolve, reject) => {
      const script = norna.el("script", { src: source });
      script.onload = () => resolve();
      script.onerror = () => reject(new Error(`${source} is missing from the folder of this report`));
      document.body.append(script);
    }));
  }
  return norna.loaded.get(source);
};

/** A link out of the report, which nobody follows but the reader. */
norna.outside = (address, text, label) =>
  norna.el("a", { href: address, target: "_blank", rel: "noopener noreferrer", "aria-label": label }, text);

/** rs numbers link to dbSNP. */
norna.variantLink = (id) => (/^rs[0-9]+$/.test(id)
  ? norna.outside(`https://www.ncbi.nlm.nih.gov/snp/${id}`, id, `${id} in dbSNP`)
  : norna.el("span", {}, id === "." ? "–" : id));

norna.geneLinks = function (gene) {
  const links = [];
  if (/^ENSG[0-9]{11}/.test(gene.id)) links.push(norna.outside(`https://www.ensembl.org/id/${gene.id.split(".")[0]}`, "Ensembl", `${gene.name} in Ensembl`));
  const accession = (gene.uniprot || "").split(/[;,| ]/)[0];
  if (/^[A-Z][0-9][A-Z0-9]{3}[0-9]/.test(accession)) links.push(norna.outside(`https://www.uniprot.org/uniprotkb/${accession}`, accession, `${accession} in UniProt`));
  return links;
};

norna.traitAddress = (name) => `#/trait/${encodeURIComponent(name)}`;

/** A chromosome by one of its names for all of them: "chr22" and "22", "chrX" and "23". */
norna.chromosome = function (name) {
  const bare = name.replace(/^chr(?=.)/i, "").replace(/^0+(?=[0-9])/, "").toUpperCase();
  return { 23: "X", 24: "Y", 25: "XY", 26: "MT", M: "MT" }[bare] || bare;
};
