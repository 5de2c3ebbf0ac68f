// A moment of a day: its picture, large, with what was seen and who it was.
import { html, useLayoutEffect, useRef } from '../ui.js';
import { follow, href } from '../place.js';
import { plain } from '../texts.js';
import { clock, exact } from '../time.js';
import { Chips, headline } from './card.js';
import { Icon } from './icon.js';
import { boxesOf, NoPicture } from './picture.js';

// Moment shows an event and its image, which is null if there is none. Both are of one moment: while the next
// picture is on its way, the last one stays with its own words.
export function Moment({ event, image }) {
  const frame = useRef();
  useLayoutEffect(() => frame.current?.replaceChildren(...(image ? [image] : [])), [image]);
  if (!event) return html`<div class="moment" aria-busy="true"><div class="moment-picture skeleton"></div><div class="moment-text"></div></div>`;
  const size = image && [image.naturalWidth, image.naturalHeight];
  return html`
    <a class="moment" href=${href({ event: event.id })} onClick=${follow}>
      <div class="moment-picture">
        <div ref=${frame}></div>
        ${image
          ? html`<svg class="boxes" viewBox=${`0 0 ${size[0]} ${size[1]}`} aria-hidden="true">
              ${boxesOf(event, size).map((b) => html`<rect key=${b.at} x=${b.x} y=${b.y} width=${b.width} height=${b.height} rx=${size[0] / 160} />`)}
            </svg>`
          : html`<${NoPicture} state=${event.thumbnail_path ? 'gone' : 'none'} />`}
      </div>
      <div class="moment-text">
        <p class="moment-time"><time datetime=${event.recorded_at} title=${exact(event.recorded_at)}>${clock(event.recorded_at)}</time></p>
        <p class="moment-who">${headline(event)}</p>
        <p class="moment-where"><${Icon} name="camera" /> ${plain(event.camera_id)}</p>
        <${Chips} event=${event} />
      </div>
    </a>`;
}
