// What every page has: words in the language that is chosen, numbers as that language writes them,
// and elements whose text is set as text, never as markup.
export const by = (id) => document.getElementById(id);
export const press = (button, pressed) => button.setAttribute("aria-pressed", String(pressed));
export let text = {};
export let format = createFormats("en");

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Put values into a text; {n:color|colors} becomes "1 color" or "2 colors".
export const filled = (text, values) =>
  text.replace(/\{(\w+)(?::([^|}]*)\|([^}]*))?\}/g, (_, name, one, many) =>
    one === undefined ? values[name] : `${values[name]} ${String(values[name]) === "1" ? one : many}`,
  );

function createFormats(language) {
  const number = (digits) =>
    new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const [whole, tenths, hundredths] = [number(0), number(1), number(2)];
  const significant = new Intl.NumberFormat(language, { maximumSignificantDigits: 5 });
  return {
    whole: (value) => whole.format(value),
    tenths: (value) => tenths.format(value),
    fine: (value) => number(4).format(value),
    hundredths: (value) => hundredths.format(value),
    significant: (value) => significant.format(value),
    percent: (part) => (part < 0.0995 ? hundredths : tenths).format(100 * part),
    bytes(size) {
      if (size < 1000) return `${whole.format(size)} B`;
      const unit = size < 999_950 ? ["kB", 1e3] : ["MB", 1e6];
      return `${tenths.format(size / unit[1])} ${unit[0]}`;
    },
  };
}

export const rgbaOf = (hex) =>
  [1, 3, 5, 7].map((i) => (i < hex.length ? parseInt(hex.slice(i, i + 2), 16) : 255));

// Say everything in a language; the page's own script then tells again what it made.
export function speak(texts, lang, tell) {
  text = texts[lang];
  format = createFormats(lang);
  document.documentElement.lang = lang;
  for (const node of document.querySelectorAll("[data-text]"))
    node.textContent = text[node.dataset.text];
  for (const node of document.querySelectorAll("[data-label]"))
    node.setAttribute("aria-label", text[node.dataset.label]);
  for (const button of by("languages").children) press(button, button.lang === lang);
  tell(lang);
}

export function offerLanguages(texts, lang, tell) {
  for (const button of by("languages").children)
    button.addEventListener("click", () => speak(texts, button.lang, tell));
  speak(texts, lang, tell);
}

// A button that acts as long as it is held, by pointer or key.
export function connectHold(button, act) {
  button.addEventListener("pointerdown", (event) => {
    button.setPointerCapture(event.pointerId);
    act(true);
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"])
    button.addEventListener(end, () => act(false));
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  const isPress = (event) => event.key === " " || event.key === "Enter";
  button.addEventListener("keydown", (event) => isPress(event) && act(true));
  button.addEventListener("keyup", (event) => isPress(event) && act(false));
  window.addEventListener("blur", () => act(false));
}
