// What of a page is hard to read or to reach, as a list of sentences; empty when all is well.
() => {
  const found = [];
  const rgb = (text) => (text.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const luminance = ([r, g, b]) => {
    const part = (value) => {
      const v = value / 255;
      return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    };
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
  };
  const contrast = (a, b) => {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const seen = (element) => element.checkVisibility() && element.getClientRects().length > 0;
  for (const element of document.querySelectorAll("body *")) {
    if (!seen(element)) continue;
    const style = getComputedStyle(element);
    const speaks = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) ||
      ["INPUT"].includes(element.tagName);
    if (speaks && contrast(rgb(style.color), ground(element)) < 4.5)
      found.push(`${element.tagName} "${element.textContent.trim().slice(0, 20)}": contrast of its text`);
    if (element.matches("input:not([readonly])") &&
        contrast(rgb(style.borderTopColor), ground(element.parentElement)) < 3)
      found.push(`${element.name}: contrast of its border`);
    if (element.matches("button, input, summary") && element.getBoundingClientRect().height < 24)
      found.push(`${element.tagName} ${element.textContent}: too small to touch`);
    if (element.matches("input") && ![...element.labels].some(seen))
      found.push(`${element.name}: no label`);
    for (const id of (element.getAttribute("aria-describedby") || "").split(" ").filter(Boolean))
      if (!document.getElementById(id)) found.push(`${element.name}: described by ${id}, which is not there`);
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push("it scrolls sideways");
  if (document.querySelectorAll("h1").length !== 1) found.push("not one heading");
  if (document.querySelectorAll("main").length !== 1) found.push("not one main part");
  if (!document.title.trim() || !document.documentElement.lang) found.push("no title or language");
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  if (new Set(ids).size !== ids.length) found.push("an id twice");
  if (document.querySelector("[tabindex], [style], script")) found.push("tabindex, style or script");
  return found;
}
