// Reachability: the answer of a cell of the matrix comes into sight. Without script the address leads to it.
(() => {
  let wanted = false;
  document.addEventListener("click", (event) => {
    if (event.target.closest(".reach-matrix a[data-in-place]")) wanted = true;
  });
  document.addEventListener("maru:settled", () => {
    if (!wanted) return;
    wanted = false;
    document.getElementById("reach-answer")?.scrollIntoView({ block: "nearest", behavior: "instant" });
  });
})();
