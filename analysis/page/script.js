// Without this script all can be read; with it tables sort, links open what they lead to, and a seed can be picked out.
"use strict";

// What is not known is last, whichever way the rest is sorted.
function compare(a, b, sign) {
  const x = a.dataset.v, y = b.dataset.v;
  if (x === "" || y === "") return (x === "") - (y === "");
  return sign * (a.classList.contains("n") ? x - y : x.localeCompare(y));
}

function sort(heading) {
  const row = heading.parentElement, body = row.closest("table").tBodies[0];
  const column = [...row.children].indexOf(heading);
  const first = body.rows[0] && body.rows[0].cells[column].classList.contains("n") ? "descending" : "ascending";
  const other = first === "ascending" ? "descending" : "ascending";
  const order = heading.getAttribute("aria-sort") === first ? other : first;
  for (const th of row.children) th.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...body.rows].sort((a, b) => compare(a.cells[column], b.cells[column], sign));
  body.append(...rows);
}

for (const heading of document.querySelectorAll("table.sortable th")) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...heading.childNodes);
  button.addEventListener("click", () => sort(heading));
  heading.append(button);
}

// A link into something folded opens it.
function reveal() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", reveal);
reveal();

// A second click on the same link changes no hash.
addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (link && link.getAttribute("href") === location.hash) reveal();
});

// In a cell, the row of a seed picks out its lines.
for (const cell of document.querySelectorAll("details.cell")) {
  const show = (seed) => {
    for (const line of cell.querySelectorAll("[data-line]")) {
      line.classList.toggle("dim", seed !== null && line.dataset.line !== seed);
    }
  };
  for (const row of cell.querySelectorAll("tr[data-seed]")) {
    row.addEventListener("pointerenter", () => show(row.dataset.seed));
    row.addEventListener("pointerleave", () => show(null));
  }
}
