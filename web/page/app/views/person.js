// What may be done with one person: other names, off the list, or erased for good.
import { html, useEffect, useState } from '../ui.js';
import { call, get } from '../api.js';
import { go } from '../place.js';
import { grant, persons } from '../server.js';
import { plain, t } from '../texts.js';
import { ask } from '../parts/ask.js';
import { CopyButton } from '../parts/copy.js';
import { Icon } from '../parts/icon.js';
import { Progress, useLong } from '../parts/run.js';
import { Sheet } from '../parts/sheet.js';
import { failed, toast } from '../parts/toast.js';

export const titleOf = (person) => person.display_name || plain(person.name);

// put adds a person or changes one, and has the list read again.
const put = async (name, body) => {
  await call('PUT', `persons/${encodeURIComponent(name)}`, { body });
  await persons.load();
};

export function PersonSheet({ person, visits, onClose }) {
  const [erasing, erase] = useState(false);
  const n = visits?.get(person.name)?.visits || 0;
  const title = titleOf(person);
  if (!grant().admin) return null;
  if (erasing) return html`<${EraseSheet} key="erase" name=${person.name} title=${title} n=${n} onClose=${onClose} />`;
  return html`
    <${Sheet} title=${title} onClose=${onClose}>
      ${person.key && html`<${DisplayName} person=${person} onDone=${onClose} />`}
      <${Rename} name=${person.name} visits=${visits} />
      ${person.key && html`
        <section><h3>${t('people.remove')}</h3><p class="soft">${t('people.remove_why', { n })}</p>
          <button class="button" onClick=${() => remove(person).then(onClose, failed)}>${t('people.remove')}</button></section>`}
      <section><h3>${t('people.erase')}</h3><p class="soft">${t('people.erase_why')}</p>
        <button class="button danger" onClick=${() => erase(true)}><${Icon} name="trash" /> ${t('people.erase')}</button></section>
    <//>`;
}

// remove takes a person off the list. The way back puts the same one there again.
async function remove(person) {
  const { name, display_name, auto_unlock, created_at } = person;
  await call('DELETE', `persons/${encodeURIComponent(name)}`);
  await persons.load();
  toast(t('people.removed', { name: titleOf(person) }), { undo: () => put(name, { display_name, auto_unlock, created_at }).catch(failed) });
}

function DisplayName({ person, onDone }) {
  const [text, set] = useState(titleOf(person));
  const save = (e) => {
    e.preventDefault();
    const before = person.display_name;
    put(person.name, { display_name: text.trim() }).then(() => {
      toast(t('people.saved'), { undo: () => put(person.name, { display_name: before }).catch(failed) });
      onDone();
    }, failed);
  };
  return html`<form onSubmit=${save}><h3><label for="display-name">${t('people.display')}</label></h3>
    <div class="beside"><input class="input" id="display-name" value=${text} maxlength="200" onInput=${(e) => set(e.target.value)} />
      <button class="button" disabled=${!text.trim() || text.trim() === person.display_name}>${t('detail.save')}</button></div></form>`;
}

// Rename gives the person another name, in all events too. A name that is in use makes one person of two.
function Rename({ name, visits }) {
  const [text, set] = useState(name);
  const [at, run] = useLong();
  const to = text.trim().normalize('NFC');
  const other = (persons.get() || []).find((p) => p.name === to);
  const merges = to !== name && (other || visits?.has(to));
  const into = other ? titleOf(other) : plain(to);
  const count = (one) => visits?.get(one)?.visits || 0;
  const submit = async (e) => {
    e.preventDefault();
    const why = t('people.merge_why', { n: count(name), from: plain(name), to: into, others: count(to) });
    if (merges && !(await ask({ title: t('people.ask_merge', { from: plain(name), to: into }), text: why, action: t('people.merge'), danger: true }))) return;
    const move = (from, to) => run('POST', 'persons/rename', { from, to });
    try {
      const done = await move(name, to);
      await persons.load();
      const undo = done.merged ? undefined : () => move(to, name).then(persons.load).catch(failed);
      toast(t('people.renamed', { n: done.events, to: into }), { undo });
      go({ who: to }, { replace: true });
    } catch (err) {
      failed(err);
    }
  };
  return html`<form onSubmit=${submit}><h3><label for="name">${t('people.name')}</label></h3>
    <p class="soft" id="name-why">${t('people.name_why')}</p>
    <div class="beside"><input class="input" id="name" list="names" value=${text} autocapitalize="none" spellcheck=${false} aria-describedby="name-why name-merge" onInput=${(e) => set(e.target.value)} />
      <button class="button" disabled=${!to || to === name || !!at}>${t(merges ? 'people.merge' : 'people.rename')}</button></div>
    <datalist id="names">${(persons.get() || []).filter((p) => p.name !== name).map((p) => html`<option key=${p.name} value=${p.name}>${titleOf(p)}</option>`)}</datalist>
    <p class="hint" id="name-merge" role="status">${merges && html`<${Icon} name="people" /> ${t('people.in_use', { to: into })}`}</p>
    ${at && html`<${Progress} at=${at} label=${t('people.rename')} />`}</form>`;
}

// EraseSheet erases a person, after the name was typed, and shows the receipt.
function EraseSheet({ name, title, n, onClose }) {
  const [how, choose] = useState('name');
  const [typed, type] = useState('');
  const [receipt, setReceipt] = useState(null);
  const [readers, setReaders] = useState([]);
  const [at, run] = useLong();
  useEffect(() => { get('consumers').then((all) => setReaders(all.map((one) => one.name)), () => {}); }, []);
  const submit = (e) => {
    e.preventDefault();
    run('POST', 'erase', { name, how }).then((done) => { setReceipt(done); return persons.load(); }).catch(failed);
  };
  if (receipt) return html`<${Receipt} receipt=${receipt} onClose=${onClose} />`;
  const choice = (value) => html`
    <label class="choice"><input type="radio" name="how" value=${value} checked=${how === value} onChange=${() => choose(value)} />
      <span><b>${t(`people.how_${value}`)}</b><span class="soft">${t(`people.how_${value}_why`, { n })}</span></span></label>`;
  return html`
    <${Sheet} title=${`${t('people.erase')}: ${title}`} onClose=${() => at || onClose()}>
      <form onSubmit=${submit}>
        <fieldset disabled=${!!at}><legend class="soft">${t('people.erase_how')}</legend>${choice('name')}${choice('events')}</fieldset>
        <p>${t('people.not_erased')}${readers.length > 0 && ' ' + t('people.not_erased_by', { names: readers.join(', ') })}</p>
        <label class="field"><span>${t('people.type', { name })}</span>
          <input class="input" value=${typed} disabled=${!!at} autocomplete="off" autocapitalize="none" spellcheck=${false} onInput=${(e) => type(e.target.value)} /></label>
        <${Progress} at=${at} label=${t('people.erase')} />
        <div class="actions"><button type="button" class="button" disabled=${!!at} onClick=${onClose}>${t('app.cancel')}</button>
          <button class="button danger" disabled=${typed.trim() !== name || !!at}>${t('people.erase')}</button></div>
      </form>
    <//>`;
}

// Receipt shows what an erasure has done. It has the name, so it is nothing that the page keeps.
function Receipt({ receipt, onClose }) {
  const text = JSON.stringify(receipt, null, 2);
  return html`
    <${Sheet} title=${t('people.receipt', { name: receipt.name })} onClose=${onClose}>
      <p role="status">${t(`people.receipt_${receipt.how}`, { n: receipt.events, pictures: receipt.thumbnails })} ${receipt.occurrences > 0 && t('people.receipt_left', { n: receipt.occurrences })}</p>
      ${receipt.out_of_reach.length > 0 && html`<h3>${t('people.out_of_reach')}</h3><ul>${receipt.out_of_reach.map((one) => html`<li key=${one}>${one}</li>`)}</ul>`}
      <p class="soft">${t('people.receipt_why')}</p>
      <div class="actions"><${CopyButton} text=${text} />
        <a class="button" href=${'data:application/json,' + encodeURIComponent(text)} download=${`erased-${receipt.at.slice(0, 10)}.json`}><${Icon} name="download" /> ${t('people.download')}</a>
        <button class="button primary" onClick=${onClose}>${t('app.close')}</button></div>
    <//>`;
}

// AddPerson puts a person on the list. The door stays closed unless that is switched on.
export function AddPerson({ name: given, onClose }) {
  const [title, setTitle] = useState(given && plain(given));
  const [own, setOwn] = useState(given); // the name, if it was typed
  const [opens, open] = useState(false);
  const name = (own || title.toLowerCase().replace(/\s+/g, '_')).trim().normalize('NFC');
  const taken = name && (persons.get() || []).find((p) => p.name === name);
  const submit = (e) => {
    e.preventDefault();
    put(name, { display_name: title.trim() || plain(name), auto_unlock: opens }).then(onClose, failed);
  };
  return html`
    <${Sheet} title=${t('people.add')} onClose=${onClose}>
      <form onSubmit=${submit}>
        <label class="field"><span>${t('people.display')}</span><input class="input" autofocus value=${title} autocomplete="off" maxlength="200" onInput=${(e) => setTitle(e.target.value)} /></label>
        <label class="field"><span>${t('people.name')}</span>
          <input class="input" value=${name} readonly=${!!given} autocapitalize="none" spellcheck=${false} autocomplete="off" aria-describedby="add-why" onInput=${(e) => setOwn(e.target.value)} /></label>
        <p class="soft" id="add-why" role="status">${taken ? t('people.taken', { name: titleOf(taken) }) : t('people.name_why')}</p>
        <label class="choice"><input type="checkbox" checked=${opens} onChange=${(e) => open(e.target.checked)} /><span><b>${t('people.opens')}</b><span class="soft">${t('people.add_opens_why')}</span></span></label>
        <div class="actions"><button type="button" class="button" onClick=${onClose}>${t('app.cancel')}</button>
          <button class="button primary" disabled=${!name || !!taken}>${t('people.add')}</button></div>
      </form>
    <//>`;
}
