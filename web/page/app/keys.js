// Keys of one letter. They do nothing while somebody types, or holds another key, or a dialog is open.

const typing = 'input, textarea, select, [contenteditable]';

// onKeys calls what keys have for the key that is pressed. It returns a function that ends that.
export function onKeys(keys) {
  const pressed = (e) => {
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
    if (!Object.hasOwn(keys, e.key) || e.target.closest?.(typing) || document.querySelector('dialog[open]')) return;
    e.preventDefault();
    keys[e.key]();
  };
  addEventListener('keydown', pressed);
  return () => removeEventListener('keydown', pressed);
}
