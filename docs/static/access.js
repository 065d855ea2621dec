// What the theme leaves out for people who read by keyboard or by ear: parts that scroll can be
// focused, and the two sidebars have names of their own.
"use strict";

addEventListener("DOMContentLoaded", () => {
  for (const part of document.querySelectorAll("pre, .table-wrapper")) part.tabIndex = 0;
  document.querySelector("aside.sidebar-drawer")?.setAttribute("aria-label", "Site");
  document.querySelector("aside.toc-drawer")?.setAttribute("aria-label", "Page");
});
