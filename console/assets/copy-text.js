import { setText } from "./elements.js";

/** Copies what an element says, and tells so in `told`; where a page may not, the text is selected for the keyboard. */
export async function copyText(node, told) {
  try {
    await navigator.clipboard.writeText(node.textContent);
    setText(told, "copied");
  } catch {
    getSelection().selectAllChildren(node);
    setText(told, "selected: copy it with the keyboard");
  }
}
