// Looking closer at a picture: double tap, pinch, wheel and keys enlarge it, a finger or the mouse moves it.
// When it is not enlarged, a sideways stroke asks for the neighbour.
import { useRef, useState } from '../ui.js';

const most = 5;
const closer = 2.5; // what a double tap does
const away = { scale: 1, x: 0, y: 0 };

// useZoom returns {zoom, handlers, toggle, move, reset}. zoom is {scale, x, y}: how much larger, and how far from
// the middle of the stage. handlers are for the stage, whose picture is size [width, height] in pixels. onSwipe is called
// with -1 (to the left) or 1.
export function useZoom(stage, size, onSwipe) {
  const [zoom, set] = useState(away);
  const state = useRef({ fingers: new Map(), tap: 0 }).current;
  state.zoom = zoom;

  // to enlarges, so that the point (from the middle of the stage) stays where it is.
  const to = (scale, [px, py] = [0, 0], [dx, dy] = [0, 0]) => {
    const now = state.zoom;
    scale = Math.min(most, Math.max(1, scale));
    const by = scale / now.scale;
    set((state.zoom = inside({ scale, x: px - (px - now.x) * by + dx, y: py - (py - now.y) * by + dy }, stage.current, size)));
  };
  const toggle = (point) => (state.zoom.scale > 1 ? set((state.zoom = away)) : to(closer, point));
  const move = (dx, dy) => to(state.zoom.scale, [0, 0], [dx, dy]);
  return { zoom, toggle, move, reset: () => set(away), handlers: handlersOf(state, stage, { to, toggle, move, set, onSwipe }) };
}

// inside returns a place that leaves no gap at the side of a picture that could fill it.
function inside({ scale, x, y }, stage, [width, height]) {
  const limit = (v, picture, room) => {
    const most = Math.max(0, (picture * scale - room) / 2);
    return Math.min(most, Math.max(-most, v));
  };
  return scale === 1 ? away : { scale, x: limit(x, width, stage.clientWidth), y: limit(y, height, stage.clientHeight) };
}

function handlersOf(state, stage, does) {
  const { fingers } = state;
  const fromMiddle = (e) => {
    const at = stage.current.getBoundingClientRect();
    return [e.clientX - at.left - at.width / 2, e.clientY - at.top - at.height / 2];
  };
  const spread = () => {
    const [a, b] = [...fingers.values()];
    return { length: Math.hypot(a[0] - b[0], a[1] - b[1]), middle: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2] };
  };
  const end = (e) => {
    if (!fingers.delete(e.pointerId) || fingers.size) return;
    const [dx, dy] = state.stroke;
    if (e.type === 'pointerup' && !state.pinched) release(state, does, dx, dy, fromMiddle(e), e.timeStamp);
    else if (state.zoom.scale === 1) does.set(away);
  };
  return {
    onPointerDown: (e) => {
      if (e.button) return;
      if (!fingers.size) Object.assign(state, { stroke: [0, 0], pinched: false });
      e.currentTarget.setPointerCapture(e.pointerId);
      fingers.set(e.pointerId, fromMiddle(e));
    },
    onPointerMove: (e) => {
      const was = fingers.get(e.pointerId);
      if (!was) return;
      const before = fingers.size === 2 && spread();
      const now = fromMiddle(e);
      fingers.set(e.pointerId, now);
      if (before) {
        state.pinched = true;
        const after = spread();
        const moved = [after.middle[0] - before.middle[0], after.middle[1] - before.middle[1]];
        does.to((state.zoom.scale * after.length) / (before.length || 1), before.middle, moved);
      } else if (fingers.size === 1) stroke(state, does, now[0] - was[0], now[1] - was[1]);
    },
    onPointerUp: end,
    onPointerCancel: end,
    onWheel: (e) => {
      e.preventDefault();
      does.to(state.zoom.scale * Math.exp(-e.deltaY / 300), fromMiddle(e));
    },
  };
}

// stroke moves an enlarged picture; one that is not follows the finger sideways.
function stroke(state, does, dx, dy) {
  state.stroke = [state.stroke[0] + dx, state.stroke[1] + dy];
  if (state.zoom.scale > 1) does.move(dx, dy);
  else if (!state.pinched) does.set({ ...away, x: state.stroke[0] });
}

// release is when the last finger goes: it was a tap, a sideways stroke, or neither.
function release(state, does, dx, dy, point, now) {
  if (Math.hypot(dx, dy) < 8) {
    const twice = now - state.tap < 350;
    state.tap = twice ? 0 : now;
    if (twice) does.toggle(point);
    return;
  }
  if (state.zoom.scale > 1) return;
  does.set(away);
  if (Math.abs(dx) > 48 && Math.abs(dx) > 1.5 * Math.abs(dy)) does.onSwipe(Math.sign(dx));
}
