"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const options = { actions: { export: true, source: false, compiled: false, editor: false }, renderer: "svg" };
  for (const [name, spec] of Object.entries(charts)) {
    const place = document.getElementById("chart-" + name);
    if (place.classList.contains("responsive")) spec.width = "container";
    vegaEmbed(place, spec, options).catch((error) => { place.textContent = "This chart could not be drawn: " + error; });
  }

  for (const box of document.querySelectorAll(".table")) {
    const body = box.querySelector("tbody");
    const rows = [...body.rows];
    const headings = [...box.querySelectorAll("th")];
    const search = box.querySelector("input");
    const choices = [...box.querySelectorAll("select")];
    const said = box.querySelector("output");
    const more = box.querySelector(".more");
    const page = Number(box.dataset.page);
    let all = rows.length <= page;

    for (const choice of choices) {
      const column = Number(choice.dataset.column);
      const values = [...new Set(rows.map((row) => row.cells[column].textContent))].sort();
      for (const value of values) choice.add(new Option(value, value));
      if (values.length < 2) choice.hidden = true;
    }

    const show = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let found = 0;
      for (const row of body.rows) {
        const text = row.textContent.toLowerCase();
        const kept = words.every((word) => text.includes(word))
          && choices.every((choice) => !choice.value || row.cells[Number(choice.dataset.column)].textContent === choice.value);
        if (kept) found += 1;
        row.hidden = !kept || (!all && found > page);
      }
      const shown = all ? found : Math.min(found, page);
      said.textContent = shown === rows.length ? `${rows.length} rows` : `${shown} of ${rows.length} rows`;
      more.hidden = all || found <= page;
    };

    headings.forEach((heading, column) => {
      heading.querySelector("button").addEventListener("click", () => {
        const up = heading.getAttribute("aria-sort") !== "ascending";
        for (const other of headings) other.removeAttribute("aria-sort");
        heading.setAttribute("aria-sort", up ? "ascending" : "descending");
        const numeric = heading.classList.contains("number");
        const key = (row) => {
          const cell = row.cells[column];
          if (!numeric) return cell.textContent;
          return cell.dataset.sort === "" ? null : Number(cell.dataset.sort);
        };
        const sign = up ? 1 : -1;
        rows.sort((a, b) => {
          const x = key(a), y = key(b);
          if (x === null || y === null) return (x === null) - (y === null);
          return sign * (numeric ? x - y : x.localeCompare(y, undefined, { numeric: true }));
        });
        body.append(...rows);
        show();
      });
    });
    search.addEventListener("input", show);
    for (const choice of choices) choice.addEventListener("change", show);
    more.addEventListener("click", () => { all = true; show(); });
    show();
  }
})();
