// Buttons that copy; what happened is said beside them, also to screen readers.

async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea"); // the older way, where the page came without TLS
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("not allowed");
  return undefined;
}

function address(snapshot) {
  const url = new URL(location.href);
  if (snapshot) url.searchParams.set("snapshot", snapshot);
  return url.href;
}

export default function ({ data, parentElement }) {
  const host = parentElement.querySelector(".copy");
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  const buttons = JSON.parse(data.buttons).map(({ label, text }) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.onclick = async () => {
      try {
        await copy(text || address(data.snapshot));
        said.textContent = "Copied";
      } catch {
        said.textContent = "The browser did not allow it";
      }
      setTimeout(() => said.replaceChildren(), 2500);
    };
    return button;
  });
  host.replaceChildren(...buttons, said);
}
