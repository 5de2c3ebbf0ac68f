// Server-sent events, as the HTML standard has them: fields by lines, and an empty line ends a message.

// messages returns a function that takes text as it arrives, in any pieces, and calls fn with each whole message:
// {event, id, data}. A line may end in \n, \r or \r\n.
export function messages(fn) {
  let rest = '';
  let message = null;
  const line = (text) => {
    if (text === '') {
      if (message) fn({ ...message, data: message.data.join('\n') });
      message = null;
      return;
    }
    const colon = text.indexOf(':');
    if (colon === 0) return; // a comment
    const name = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(text[colon + 1] === ' ' ? colon + 2 : colon + 1);
    message ||= { event: 'message', id: '', data: [] };
    if (name === 'data') message.data.push(value);
    else if (name === 'event' || name === 'id') message[name] = value;
  };
  return (text) => {
    rest += text;
    // A \r at the end may be the first half of a \r\n.
    const end = rest.endsWith('\r') ? rest.length - 1 : rest.length;
    const lines = rest.slice(0, end).split(/\r\n|\n|\r/);
    rest = lines.pop() + rest.slice(end);
    lines.forEach(line);
  };
}
