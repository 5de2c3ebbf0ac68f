// The beginning: the server is asked who we are, and the page is drawn.
import { html, render } from './ui.js';
import { App } from './app.js';
import { language } from './texts.js';

document.documentElement.lang = language;
render(html`<${App} />`, document.getElementById('app'));
