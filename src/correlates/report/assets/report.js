"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);

  // A table in the page holds its first rows; all rows wait as columns of texts: `texts` once each, `rows` which of them
  // stands in each row, `ranks` the order of the numbers (null where there is none).
  const collator = new Intl.Collator("en", { numeric: true });

  const manage = (box, columns) => {
    const body = box.querySelector("tbody");
    const headings = [...box.querySelectorAll("th")];
    const search = box.querySelector("input");
    const choices = [...box.querySelectorAll(".tools select")];
    const said = box.querySelector("output");
    const pager = box.querySelector(".pager");
    const [back, on] = pager.querySelectorAll("button");
    const size = pager.querySelector("select");
    const height = columns[0].rows.length;
    let order = Array.from({ length: height }, (_, row) => row);
    let shown = order;
    let first = 0;
    let lowered = null;

    const draw = () => {
      const page = Number(size.value);
      const rows = shown.slice(first, first + page).map((row) => {
        const line = document.createElement("tr");
        for (const column of columns) {
          const cell = line.insertCell();
          cell.textContent = column.texts[column.rows[row]];
          if (column.ranks) cell.className = "number";
        }
        return line;
      });
      body.replaceChildren(...rows);
      say(rows.length);
    };

    const say = (count) => {
      const of = shown.length === height ? "" : ` of ${height.toLocaleString("en")}`;
      const part = count < shown.length ? `${first + 1}\u2013${first + count} of ` : "";
      said.textContent = `${part}${shown.length.toLocaleString("en")}${part && of ? " found" : ""} rows${of}`;
      pager.hidden = height <= Number(box.dataset.page);
      back.disabled = first === 0;
      on.disabled = first + count >= shown.length;
    };

    const select = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const wanted = choices.filter((choice) => choice.value !== "").map((choice) => {
        const column = columns[Number(choice.dataset.column)];
        return [column.rows, Number(choice.value)];
      });
      if (words.length && lowered === null) {
        const small = columns.map((column) => column.texts.map((text) => text.toLowerCase()));
        lowered = Array.from({ length: height }, (_, row) => columns.map((column, at) => small[at][column.rows[row]]).join("\n"));
      }
      shown = order.filter((row) => wanted.every(([rows, value]) => rows[row] === value)
        && words.every((word) => lowered[row].includes(word)));
      first = 0;
      draw();
    };

    const sort = (at) => {
      const heading = headings[at];
      const up = heading.getAttribute("aria-sort") !== "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      const column = columns[at];
      let keys = column.ranks;
      if (!keys) {
        const places = column.texts.map((_, place) => place).sort((a, b) => collator.compare(column.texts[a], column.texts[b]));
        const rank = new Array(places.length);
        places.forEach((place, position) => { rank[place] = position; });
        keys = column.rows.map((place) => rank[place]);
      }
      const sign = up ? 1 : -1;
      order = order.slice().sort((a, b) => {
        const x = keys[a], y = keys[b];
        if (x === null || y === null) return (x === null) - (y === null) || a - b;
        return sign * (x - y) || a - b;
      });
      select();
    };

    for (const choice of choices) {
      const column = columns[Number(choice.dataset.column)];
      const places = column.texts.map((_, place) => place).sort((a, b) => collator.compare(column.texts[a], column.texts[b]));
      for (const place of places) choice.add(new Option(column.texts[place], String(place)));
      choice.hidden = places.length < 2;
      choice.addEventListener("change", select);
    }
    headings.forEach((heading, at) => heading.querySelector("button").addEventListener("click", () => sort(at)));
    search.addEventListener("input", select);
    size.addEventListener("change", () => { first = 0; draw(); });
    back.addEventListener("click", () => { first = Math.max(0, first - Number(size.value)); draw(); });
    on.addEventListener("click", () => { first += Number(size.value); draw(); });
    if (height <= 6) box.querySelector(".tools").hidden = true;
    say(body.rows.length);
  };

  const tables = read("tables");
  for (const box of document.querySelectorAll("[data-table]")) manage(box, tables[box.dataset.table]);

  // Charts one after the other, so that the page answers in between; expressions are interpreted, never evaluated as code.
  const options = { ast: true, renderer: "svg", actions: { export: true, source: false, compiled: false, editor: false } };
  const charts = read("charts");
  const drawAll = async () => {
    for (const place of document.querySelectorAll("[data-chart]")) {
      const spec = charts[place.dataset.chart];
      if (place.classList.contains("responsive")) spec.width = "container";
      try {
        await vegaEmbed(place, spec, options);
      } catch (error) {
        place.textContent = `This chart could not be drawn: ${error}`;
      }
      await new Promise((next) => setTimeout(next, 0));
    }
    document.documentElement.dataset.charts = "drawn";
  };
  drawAll();
})();
