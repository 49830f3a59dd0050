// The keys of the search box: "/" leads to it from anywhere on the page, the arrow down from it to the results.
// Nothing is taken from a field that people type in, and nothing while a dialog is open.
if (!window.vfmAtlasKeys) {
  window.vfmAtlasKeys = true;
  const TYPED = /^(text|search|url|tel|email|password|number|date|time)$/;
  const isTyped = (element) =>
    element.isContentEditable || /^(TEXTAREA|SELECT)$/.test(element.tagName) || (element.tagName === "INPUT" && TYPED.test(element.type));
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const box = document.querySelector(".st-key-q input");
    const target = event.composedPath()[0];
    if (!box || document.querySelector("[role=dialog]")) return;
    if (event.key === "/" && !isTyped(target)) {
      box.focus();
      box.select();
      event.preventDefault();
    } else if (event.key === "ArrowDown" && target === box && window.vfmAtlasResults?.first?.()) {
      event.preventDefault();
    }
  });
}
