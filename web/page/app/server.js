// What the page knows of its server and store: who this browser is to it, and the names that it has.
import { useEffect, useState } from './ui.js';
import { get } from './api.js';
import { subscribe } from './live.js';
import { plain } from './texts.js';

// A kept is a value that several components read, and that is read again when something changes it.
function kept(read, changes) {
  const watchers = new Set();
  let value = null;
  let again = 0;
  const set = (next) => {
    value = next;
    watchers.forEach((fn) => fn(value));
  };
  const load = async () => set(await read());
  subscribe((change) => {
    if (!changes(change) || again) return;
    again = setTimeout(() => { again = 0; load().catch(() => {}); }, 300);
  });
  const use = () => {
    const [now, setNow] = useState(value);
    useEffect(() => {
      watchers.add(setNow);
      setNow(value);
      return () => watchers.delete(setNow);
    }, []);
    return now;
  };
  return { load, use, get: () => value };
}

const ofPersons = (change) => change.op.startsWith('person') || change.op === 'reset';
const ofEvents = (change) => ['created', 'deleted', 'reset'].includes(change.op);

export const server = kept(() => get('server'), (change) => change.op === 'reset');
export const persons = kept(() => get('persons'), ofPersons);
export const cameras = kept(() => get('cameras'), ofEvents);

// grant says what this browser may do: {read, write, admin}. Admin may do everything.
export function grant() {
  const g = server.get()?.grant || {};
  return { read: g.read || g.admin, write: g.write || g.admin, admin: !!g.admin };
}

// personName returns what people call a person.
export function personName(name) {
  const person = (persons.get() || []).find((p) => p.name === name);
  return person?.display_name || plain(name);
}
