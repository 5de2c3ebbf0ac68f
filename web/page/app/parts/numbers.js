// The numbers behind a chart as a table that can be sorted, and kept as a file.
import { html, useState } from '../ui.js';
import { language, number, t } from '../texts.js';

// Numbers draws the table when it is opened. head has [key of the title, how values are shown, if not as they are]
// for each column; rows() returns the values.
export function Numbers({ name, head, rows }) {
  const [open, setOpen] = useState(false);
  return html`
    <details class="numbers" onToggle=${(e) => setOpen(e.currentTarget.open)}>
      <summary>${t('charts.numbers')}<span class="sr-only">: ${t(`charts.${name}`)}</span></summary>
      ${open && html`<${Table} name=${name} head=${head} rows=${rows()} />`}
    </details>`;
}

const isNumber = (value) => typeof value === 'number';

function Table({ name, head, rows }) {
  const [{ by, down }, sort] = useState({});
  const order = ({ [by]: a }, { [by]: b }) => (down ? -1 : 1) * (isNumber(a) ? a - b : a.localeCompare(b, language));
  const sorted = by === undefined ? rows : rows.toSorted(order);
  return html`
    <div class="scroll" role="region" tabindex="0" aria-label=${`${t('charts.numbers')}: ${t(`charts.${name}`)}`}>
      <table>
        <thead><tr>${head.map(([title], i) => html`
          <th scope="col" class=${isNumber(rows[0]?.[i]) && 'number'} aria-sort=${by === i ? (down ? 'descending' : 'ascending') : null}>
            <button onClick=${() => sort({ by: i, down: by === i ? !down : isNumber(rows[0]?.[i]) })}>${t(`charts.${title}`)}</button>
          </th>`)}</tr></thead>
        <tbody>${sorted.map((row) => html`<tr>${row.map((value, i) => html`<td class=${isNumber(value) && 'number'}>${(head[i][1] || (isNumber(value) ? number : String))(value)}</td>`)}</tr>`)}</tbody>
      </table>
    </div>
    <button class="button small" onClick=${() => save(`doorlog-${name}.csv`, [head.map(([title]) => t(`charts.${title}`)), ...sorted])}>${t('charts.csv')}</button>`;
}

// save gives the browser a file to keep. A spreadsheet takes a text that begins with one of =+-@ for a formula: it
// gets a ' before. The mark at the beginning has spreadsheets read it as UTF-8.
function save(name, rows) {
  const cell = (value) => (isNumber(value) ? value : `"${value.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`);
  const text = '\ufeff' + rows.map((row) => row.map(cell).join() + '\r\n').join('');
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
