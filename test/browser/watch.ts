// Programs for a page that note what must not happen, however shortly it would.

/** Says so in the title when a certificate's time becomes red or amber. */
export const WATCH_FOR_RED = `new MutationObserver(() => {
  if (document.querySelector('.expiry.bad, .expiry.warn')) document.title = 'flashed';
}).observe(document.body, { subtree: true, childList: true, attributes: true })`;

/** Keeps in `disorder` each moment at which a later step of a join was done before an earlier one. */
export const WATCH_ORDER = `globalThis.disorder = '';
new MutationObserver(() => {
  const steps = [...document.querySelectorAll('[aria-label="Join steps"] > *')];
  const done = steps.map((step) => step.classList.contains('done'));
  if (done.slice(0, done.lastIndexOf(true)).includes(false)) globalThis.disorder += done + ' ';
}).observe(document.body, { subtree: true, childList: true, attributes: true })`;

/** All that a page keeps. */
export const KEPT =
  'JSON.stringify([document.documentElement.outerHTML, localStorage, sessionStorage])';
