/** Making shapes. Like `elements.js`: texts are set as texts. */

const namespace = "http://www.w3.org/2000/svg";

/** A shape with attributes and children; a string is text. */
export function shape(name, attributes = {}, children = []) {
  const made = document.createElementNS(namespace, name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, String(value));
  made.append(...children);
  return made;
}

/** Sets an attribute only when it is another: what does not change costs no layout. */
export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

/** A text that is longer than its room by no more than this is squeezed into it: it can still be read, and is what it is called. */
const mostSqueezed = 1.3;

/** Brings a text in the page down to so many units of the drawing: squeezed, or else cut, which an ellipsis tells. */
export function shorten(text, room) {
  const length = text.getComputedTextLength();
  if (length > room && length <= room * mostSqueezed) {
    setAttribute(text, "textLength", room);
    setAttribute(text, "lengthAdjust", "spacingAndGlyphs");
    return;
  }
  const whole = text.textContent;
  for (let signs = whole.length - 1; signs > 1 && text.getComputedTextLength() > room; signs--) text.textContent = `${whole.slice(0, signs)}…`;
}
