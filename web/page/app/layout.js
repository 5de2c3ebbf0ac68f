// Where each card of a long list is. Cards have one height, so no card has to be drawn to know the places of others.

// layout returns the places for events, which have a day each. sizes: {width, columns, row, head}, where row is the
// height of a card and the gap below it, and head is that of the line with a day. The first day has none: the bar
// above the list says it. extra cards at the end are yet to come.
export function layout(events, { width, columns, gap, row, head }, extra) {
  const days = [];
  let top = 0;
  for (let i = 0; i < events.length;) {
    const { day } = events[i];
    const start = i;
    while (i < events.length && events[i].day === day) i++;
    const first = top + (start ? head : 0);
    const rows = Math.ceil((i - start) / columns);
    days.push({ day, start, end: i, top, first });
    top = first + rows * row;
  }
  if (!days.length) days.push({ day: '', start: 0, end: 0, top: 0, first: 0 });
  const last = days.at(-1);
  last.end += extra;
  top = last.first + Math.ceil((last.end - last.start) / columns) * row;
  const column = (width - gap * (columns - 1)) / columns;
  return { days, height: top, column, columns, gap, row };
}

// dayAt returns the place in days of the one that is at a height.
export function dayAt(days, y) {
  let [low, high] = [0, days.length - 1];
  while (low < high) {
    const mid = (low + high + 1) >> 1;
    if (days[mid].top <= y) low = mid;
    else high = mid - 1;
  }
  return Math.max(0, low);
}

// dayOf returns the day that an event is of, by its index.
export function dayOf(days, index) {
  let [low, high] = [0, days.length - 1];
  while (low < high) {
    const mid = (low + high + 1) >> 1;
    if (days[mid].start <= index) low = mid;
    else high = mid - 1;
  }
  return days[Math.max(0, low)];
}

// spot returns where a card is.
export function spot({ days, columns, column, gap, row }, index) {
  const day = dayOf(days, index);
  const i = index - day.start;
  return { x: (i % columns) * (column + gap), y: day.first + Math.floor(i / columns) * row };
}

// between returns the indexes of the first card, and of the one after the last, that are drawn between two heights.
export function between({ days, columns, row }, top, bottom) {
  const at = (y, round) => {
    const day = days[dayAt(days, y)];
    const i = day.start + Math.max(0, round((y - day.first) / row)) * columns;
    return Math.min(i, day.end);
  };
  return [at(top, Math.floor), at(bottom, Math.ceil)];
}
