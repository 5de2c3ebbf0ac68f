// Where the person is: the query of the page's address, so that every view can be kept, shared and gone back to.
//
//   view    which view; none is the feed
//   event   the event whose picture is open
//   others  the filters of the feed, by the names that the API has for them, and what a view keeps of its own

import { useEffect, useState } from './ui.js';

const watchers = new Set();
const tell = () => watchers.forEach((fn) => fn());
addEventListener('popstate', tell);

export const params = () => new URLSearchParams(location.search);

// href returns the address with changes: a value, a list of values, or null to take a name away. keep: false
// begins without what the address has now.
export function href(changes, { keep = true } = {}) {
  const to = keep ? params() : new URLSearchParams();
  for (const [name, value] of Object.entries(changes)) {
    to.delete(name);
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== '') to.append(name, one);
    }
  }
  const text = to.toString();
  return location.pathname + (text ? '?' + text : '');
}

// go goes there. replace: true leaves no step behind for the back button.
export function go(changes, { replace = false, keep = true } = {}) {
  const to = href(changes, { keep });
  if (to === location.pathname + location.search) return;
  if (replace) history.replaceState(history.state, '', to);
  else history.pushState({ here: true }, '', to);
  tell();
}

// follow is for onClick of links within the page.
export function follow(e) {
  if (e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
  e.preventDefault();
  const to = e.currentTarget.getAttribute('href');
  if (to !== location.pathname + location.search) history.pushState({ here: true }, '', to);
  tell();
}

// usePlace returns the parameters of the address, and has the component drawn again when they change.
export function usePlace() {
  const [at, set] = useState(params);
  useEffect(() => {
    const changed = () => set(params());
    watchers.add(changed);
    changed();
    return () => watchers.delete(changed);
  }, []);
  return at;
}
