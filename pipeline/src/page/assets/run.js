// The run: what came in, went on and was left out, as a flow and as tables; provenance and timings.
"use strict";

norna.runPage = function () {
  const { el, data } = norna;
  const charts = data.ledger.map((section) => norna.ledgerChart(section));
  return {
    title: "Run",
    content: [el("h1", {}, "The run"), el("p", { class: "lead" }, "What came in, what went on and what was left out, and with what it was computed."),
      data.ledger.map((section, i) => el("section", { class: "ledger", "aria-label": `Ledger of ${section.what}` }, charts[i], norna.ledgerTable(section))).flat(),
      norna.timings(), norna.provenance()],
    start: () => charts.forEach((chart) => chart.start()),
  };
};

norna.words = (name) => name.replace(/_/g, " ");

norna.ledgerSums = function (section) {
  const of = (role) => section.rows.filter((row) => row[1] === role);
  const sum = (rows) => rows.reduce((total, row) => total + row[2], 0);
  return { input: of("input"), kept: of("kept"), dropped: of("dropped").filter((row) => row[2] > 0), nIn: sum(of("input")), nKept: sum(of("kept")), nDropped: sum(of("dropped")) };
};

norna.ledgerChart = function (section) {
  const { number } = norna;
  const sums = norna.ledgerSums(section);
  const title = `${section.what[0].toUpperCase()}${section.what.slice(1)}`;
  const reasons = sums.dropped.map((row) => `${norna.words(row[0])} ${number.whole(row[2])}`).join(", ");
  const share = (n) => (sums.nIn > 0 ? ` (${number.fixed((100 * n) / sums.nIn, 1)} %)` : "");
  return norna.charts.figure({
    id: `ledger-${section.what}`, title, level: "h2",
    summary: `${number.whole(sums.nIn)} in = ${number.whole(sums.nKept)} kept${share(sums.nKept)} + ${number.whole(sums.nDropped)} left out${reasons ? `: ${reasons}` : ""}.`,
    draw: (colours) => {
      const nodes = [], x = [], y = [], source = [], target = [], value = [], tints = [];
      // Places from 0 to 1: what goes on above, what is left out below, so that no flow crosses another.
      const within = (place) => Math.min(0.999, Math.max(0.001, place));
      const node = (label, colour, across, down) => {
        x.push(within(across));
        y.push(within(down));
        return nodes.push({ label, colour }) - 1;
      };
      const height = 130 + 34 * sums.dropped.length;
      const gap = 22 / (height - 20);
      const share = (n) => (n / Math.max(sums.nIn, 1)) * (1 - gap * sums.dropped.length);
      const kept = share(sums.nKept);
      const tint = (colour) => `${colour}66`;
      const start = sums.input.length === 1 ? null : sums.input.map((row, k) => node(`${norna.words(row[0])} ${number.whole(row[2])}`, colours.blue, 0, (k + 0.5) / sums.input.length));
      const all = node(`${sums.input.length === 1 ? norna.words(sums.input[0][0]) : "in"} ${number.whole(sums.nIn)}`, colours.blue, start ? 0.25 : 0, share(sums.nIn) / 2);
      const link = (from, to, n, colour) => { if (n > 0) { source.push(from); target.push(to); value.push(n); tints.push(tint(colour)); } };
      if (start) sums.input.forEach((row, i) => link(start[i], all, row[2], colours.blue));
      for (const row of sums.kept) if (row[2] > 0) link(all, node(`${norna.words(row[0])} ${number.whole(row[2])}`, colours.green, 1, kept / 2), row[2], colours.green);
      if (sums.nDropped > 0) {
        const out = node(`left out ${number.whole(sums.nDropped)}`, colours.red, 0.5, kept + (1 - kept) / 2);
        let below = kept;
        link(all, out, sums.nDropped, colours.red);
        for (const row of sums.dropped) {
          below += gap;
          link(out, node(`${norna.words(row[0])} ${number.whole(row[2])}`, colours.orange, 1, below + share(row[2]) / 2), row[2], colours.orange);
          below += share(row[2]);
        }
      }
      return {
        traces: [{ type: "sankey", arrangement: "snap", valueformat: ",d", node: { label: nodes.map((n) => n.label), color: nodes.map((n) => n.colour), x, y, pad: 18, thickness: 16, line: { width: 0 }, hovertemplate: "%{label}<extra></extra>" },
          link: { source, target, value, color: tints, hovertemplate: "%{value:,d}: %{source.label} → %{target.label}<extra></extra>" }, textfont: { size: 13, color: colours.ink } }],
        layout: norna.charts.layout(colours, { height, margin: { l: 8, r: 8, t: 10, b: 10 } }),
      };
    },
  });
};

norna.ledgerTable = function (section) {
  const { el, number } = norna;
  const shown = section.rows.filter((row) => row[2] > 0 || row[1] === "input" || row[1] === "kept");
  const rest = section.rows.length - shown.length;
  const roles = { input: "in", kept: "kept", dropped: "left out", note: "note" };
  const rows = (list) => list.map((row) => [norna.words(row[0]), roles[row[1]], number.whole(row[2])]);
  const table = (list) => norna.plainTable(`Ledger of ${section.what}`, ["What", "Role", "Count"], rows(list), [2]);
  return el("div", { class: "ledgertable" }, table(shown), rest > 0 && el("details", { class: "numbers" }, el("summary", {}, `${number.count(rest, "reason")} that met none`), table(section.rows.filter((row) => !shown.includes(row)))));
};

norna.provenanceOf = (label) => { const found = norna.data.provenance.find((entry) => entry[0] === label); return found && found[1]; };

norna.timings = function () {
  const { el, number } = norna;
  const [wall, cpu, memory, began, ranks] = ["Wall time", "CPU time", "Peak memory", "Began", "Ranks"].map(norna.provenanceOf);
  const facts = el("dl", { class: "facts" }, began && norna.fact("Began", new Date(began * 1000).toISOString().slice(0, 16).replace("T", " "), "UTC"), wall && norna.fact("Wall time", number.seconds(wall)), cpu && norna.fact("CPU time", number.seconds(cpu)), memory && norna.fact("Peak memory", number.bytes(memory), "over all ranks"));
  const rows = (ranks || []).map((rank, i) => [String(i), number.whole(rank.threads), number.whole(rank.shards), number.whole(rank.rows), number.seconds(rank.compute_seconds || 0), number.seconds(rank.cpu_seconds || 0), number.bytes(rank.peak_memory || 0)]);
  const table = rows.length > 0 && norna.plainTable("Ranks", ["Rank", "Threads", "Shards", "Variants", "Computing", "CPU time", "Peak memory"], rows, [0, 1, 2, 3, 4, 5, 6]);
  return el("section", { "aria-labelledby": "timings" }, el("h2", { id: "timings" }, "Timings"), facts, table);
};

norna.provenance = function () {
  const { el, data } = norna;
  const skip = ["Wall time", "CPU time", "Peak memory", "Began", "Ranks"];
  const shown = data.provenance.filter((entry) => !skip.includes(entry[0]));
  const more = data.n_more_provenance;
  return el("section", { "aria-labelledby": "provenance" }, el("h2", { id: "provenance" }, "Provenance"),
    el("dl", { class: "pairs" }, shown.map(([label, value]) => [el("dt", {}, label), el("dd", {}, norna.valueOf(value))])),
    more > 0 && el("p", { class: "hint" }, `${norna.number.whole(more)} more ${more === 1 ? "entry" : "entries"} by norna info --json.`));
};

/** A value of any shape as text, lists and tables. */
norna.valueOf = function (value) {
  const { el } = norna;
  if (value === null) return "–";
  if (Array.isArray(value)) {
    if (value.length === 0) return "–";
    if (value.every((item) => typeof item !== "object")) return value.join(", ");
    return el("ul", { class: "plain" }, value.map((item) => el("li", {}, norna.valueOf(item))));
  }
  if (typeof value === "object") {
    return el("dl", { class: "pairs inner" }, Object.entries(value).map(([name, inner]) => [el("dt", {}, norna.words(name)), el("dd", {}, norna.valueOf(inner))]));
  }
  const text = String(value);
  return /^[0-9a-f]{40,}$/.test(text) ? el("code", { class: "digest" }, text) : text;
};
