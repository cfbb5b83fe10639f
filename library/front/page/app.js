// The page: asks once a second how the library stands, and changes only what has changed, so that
// focus, scroll positions and animations are left in peace. Text is only ever set as text.
import { ago, lookOf, newest, noticeFor, wordsFor } from './spines.js';

const POLL_MS = 1000;
const LATEST_MAX = 6;
const STEPS = ['Shelf', 'Queue', 'Records'];

const byId = (id) => document.getElementById(id);

function make(tag, properties = {}, children = []) {
  const { dataset, style, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, dataset);
  for (const [name, value] of Object.entries(style ?? {})) element.style.setProperty(name, value);
  element.append(...children);
  return element;
}

const setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

/** The books given on this page, whose progress is announced. */
const mine = new Map();
let current = { shelves: [], picks: [], missing: [], total: 0 };
/** Id of the book whose card is open. */
let opened;

/* ---------- the shelves ---------- */

const shelfElements = new Map();

function renderShelf({ name, count, books }) {
  let shelf = shelfElements.get(name);
  if (!shelf) {
    const id = `shelf-${shelfElements.size}`;
    const heading = make('h3', { id });
    const list = make('ul', { className: 'books', role: 'list' });
    list.setAttribute('aria-labelledby', id);
    const plate = make('div', { className: 'plate' }, [heading]);
    const element = make('section', { className: 'shelf' }, [
      list,
      make('div', { className: 'board' }, [plate]),
    ]);
    list.addEventListener('keydown', moveAlong);
    shelf = { element, heading, list, spines: new Map() };
    shelfElements.set(name, shelf);
    byId('shelf-list').append(element);
  }
  setText(shelf.heading, `${name} · ${count}`);
  shelf.element.classList.toggle('is-empty', books.length === 0);
  renderSpines(shelf, books);
}

function renderSpines({ list, spines }, books) {
  const isFirst = spines.size === 0;
  const wanted = new Set(books.map(({ id }) => id));
  for (const [id, item] of spines) {
    if (wanted.has(id)) continue;
    item.remove();
    spines.delete(id);
  }
  books.forEach((book, index) => {
    let item = spines.get(book.id);
    if (!item) {
      item = make('li', { className: isFirst ? '' : 'is-new' }, [spineOf(book)]);
      spines.set(book.id, item);
    }
    if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
    markSpine(item.firstElementChild, book);
  });
  if (!list.querySelector('[tabindex="0"]')) {
    list.firstElementChild?.firstElementChild?.setAttribute('tabindex', '0');
  }
}

function spineOf(book) {
  const { cloth, pattern, height, width, label } = lookOf(book);
  const spine = make(
    'button',
    {
      type: 'button',
      className: 'spine',
      tabIndex: -1,
      dataset: { cloth, pattern },
      style: { '--height': `${height}px`, '--width': `${width}px` },
    },
    [
      make('span', { className: 'spine-title', textContent: label, ariaHidden: 'true' }),
      make('span', { className: 'sticker', ariaHidden: 'true' }),
    ],
  );
  spine.addEventListener('click', () => openCard(book.id));
  return spine;
}

function markSpine(spine, book) {
  const words = `${book.title} by ${book.author}. ${wordsFor(book.status).label}`;
  if (spine.getAttribute('aria-label') !== words) spine.setAttribute('aria-label', words);
  if (spine.title !== book.title) spine.title = book.title;
  spine.lastElementChild.dataset.status = book.status.kind;
}

/** One tab stop for each shelf; the arrow keys walk along it. */
function moveAlong(event) {
  const spines = [...event.currentTarget.querySelectorAll('.spine')];
  const at = spines.indexOf(document.activeElement);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: spines.length - 1 }[event.key];
  const target = spines[to ?? -1];
  if (at < 0 || !target) return;
  event.preventDefault();
  spines[at].tabIndex = -1;
  target.tabIndex = 0;
  target.focus();
}

/* ---------- the desk ---------- */

const latestElements = new Map();

function renderLatest(books) {
  const list = byId('latest');
  for (const [id, item] of latestElements) {
    if (books.some((book) => book.id === id)) continue;
    item.remove();
    latestElements.delete(id);
  }
  books.forEach((book, index) => {
    let item = latestElements.get(book.id);
    if (!item) {
      item = make('li', {}, [
        make('span', {
          className: 'thumb',
          dataset: { cloth: lookOf(book).cloth },
          ariaHidden: 'true',
        }),
        make('div', { className: 'latest-text' }, [
          make('p', { className: 'latest-title', textContent: book.title }),
          make('p', { className: 'by', textContent: book.author }),
          make(
            'ol',
            { className: 'steps' },
            STEPS.map((step) => make('li', { textContent: step })),
          ),
          make('p', { className: 'state' }),
        ]),
      ]);
      latestElements.set(book.id, item);
    }
    if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
    const words = wordsFor(book.status);
    markSteps(item.querySelector('.steps'), book.status);
    const isBad = book.status.kind === 'failing' || book.status.kind === 'refused';
    const age = ago(Date.now() - Date.parse(book.addedAt));
    setText(
      item.querySelector('.state'),
      isBad ? `${words.label}: ${words.detail}` : `${words.label} · ${age}`,
    );
    item.dataset.status = book.status.kind;
  });
}

function markSteps(steps, status) {
  const { step } = wordsFor(status);
  steps.dataset.status = status.kind;
  [...steps.children].forEach((item, index) => {
    item.classList.toggle('is-reached', index < step);
    item.classList.toggle('is-current', index === step - 1);
    if (index === step - 1) item.setAttribute('aria-current', 'step');
    else item.removeAttribute('aria-current');
  });
}

let shownPicks = '';

function renderPicks(picks) {
  const key = JSON.stringify(picks);
  if (key === shownPicks) return;
  shownPicks = key;
  byId('picks').replaceChildren(
    ...picks.map((book) =>
      make('li', {}, [coverOf(book), make('p', { textContent: book.reason })]),
    ),
  );
}

function coverOf(book) {
  const { cloth, pattern } = lookOf(book);
  return make('div', { className: 'cover', dataset: { cloth, pattern } }, [
    make('span', { className: 'cover-title', textContent: book.title }),
    make('span', { className: 'cover-author', textContent: book.author }),
  ]);
}

/* ---------- a book's card ---------- */

const cardElement = byId('book-card');
byId('book-card-steps').append(...STEPS.map((step) => make('li', { textContent: step })));

function openCard(id) {
  opened = id;
  renderCard();
  cardElement.showModal();
}

function renderCard() {
  const shelf = current.shelves.find(({ books }) => books.some((book) => book.id === opened));
  const book = shelf?.books.find(({ id }) => id === opened);
  if (!book) return;
  const words = wordsFor(book.status);
  if (cardElement.dataset.id !== book.id) {
    cardElement.dataset.id = book.id;
    byId('book-card-cover').replaceWith(
      Object.assign(coverOf(book), { id: 'book-card-cover', ariaHidden: 'true' }),
    );
  }
  setText(byId('book-card-title'), book.title);
  setText(byId('book-card-author'), book.author);
  const age = ago(Date.now() - Date.parse(book.addedAt));
  setText(byId('book-card-where'), `${shelf.name} · given ${age}`);
  markSteps(byId('book-card-steps'), book.status);
  setText(byId('book-card-detail'), `${words.label}. ${words.detail}`);
}

cardElement.addEventListener('close', () => {
  opened = undefined;
});
cardElement.addEventListener('click', (event) => {
  if (event.target === cardElement) cardElement.close(); // the backdrop
});

/* ---------- giving a book ---------- */

/** A UUID; crypto.randomUUID is there on https only. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const form = byId('give');
/** Kept until the book is taken, so that a second try adds no second book. */
let bookId = newId();

function showProblems(problems) {
  for (const field of ['title', 'author', 'shelf']) {
    const problem = problems.find((found) => found.field === field);
    setText(byId(`${field}-problem`), problem?.message ?? '');
    byId(field).setAttribute('aria-invalid', String(problem !== undefined));
  }
  const first = problems[0] && byId(problems[0].field);
  first?.focus();
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = form.querySelector('button');
  const given = { id: bookId, ...Object.fromEntries(new FormData(form)) };
  button.disabled = true;
  const answer = await give(given);
  button.disabled = false;
  showProblems(answer.problems ?? []);
  setText(byId('answer'), answer.message ?? '');
  if (!answer.isTaken) return;
  mine.set(given.id, 'shelved');
  bookId = newId();
  byId('title').value = '';
  byId('author').value = '';
  byId('title').focus();
  await refresh();
});

async function give(book) {
  try {
    const response = await fetch('/api/books', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(book),
    });
    const answer = await response.json();
    if (response.ok)
      return { isTaken: true, message: `Thank you! “${book.title.trim()}” is on the shelf.` };
    return { problems: answer.problems, message: answer.error ?? '' };
  } catch {
    return { message: 'The library does not answer. Please try again in a moment.' };
  }
}

/** Says how the books given here get on, in the line under the form. */
function announceMine(books) {
  for (const { id, title, status } of books) {
    const before = mine.get(id);
    if (before === undefined || before === status.kind) continue;
    mine.set(id, status.kind);
    const words = wordsFor(status);
    setText(byId('answer'), `“${title}”: ${words.label}. ${words.detail}`);
    if (status.kind === 'inserted' || status.kind === 'refused') mine.delete(id);
  }
}

/* ---------- keeping up ---------- */

function render(view) {
  current = view;
  for (const shelf of view.shelves) renderShelf(shelf);
  renderLatest(newest(view.shelves, LATEST_MAX));
  renderPicks(view.picks);
  announceMine(view.shelves.flatMap(({ books }) => books));
  if (opened !== undefined) renderCard();
  const show = (id, value) =>
    setText(byId(id), value === undefined ? '?' : value.toLocaleString('en'));
  show('figure-total', view.missing.includes('catalogue') ? undefined : view.total);
  show('figure-waiting', view.waiting);
  show('figure-inserted', view.inserted);
  showNotice(noticeFor(view));
}

function showNotice(text) {
  const notice = byId('notice');
  notice.hidden = text === undefined;
  setText(notice, text ?? '');
}

async function refresh() {
  try {
    const response = await fetch('/api/library'); // the browser keeps the tag; 304 costs nothing
    if (!response.ok) throw new Error(response.statusText);
    render(await response.json());
    document.body.classList.remove('is-stale');
  } catch {
    document.body.classList.add('is-stale');
    showNotice('The library does not answer. Trying again…');
  }
}

async function fillShelves() {
  try {
    const { shelves } = await (await fetch('/api/shelves')).json();
    byId('shelf').replaceChildren(...shelves.map((name) => new Option(name)));
    return true;
  } catch {
    return false;
  }
}

const themeButton = byId('theme');
const prefersDark = matchMedia('(prefers-color-scheme: dark)');
let isNight =
  localStorage.getItem('night') === null
    ? prefersDark.matches
    : localStorage.getItem('night') === 'yes';

function applyTheme() {
  document.documentElement.dataset.theme = isNight ? 'night' : 'day';
  themeButton.setAttribute('aria-pressed', String(isNight));
}

themeButton.addEventListener('click', () => {
  isNight = !isNight;
  localStorage.setItem('night', isNight ? 'yes' : 'no');
  applyTheme();
});
prefersDark.addEventListener('change', () => {
  if (localStorage.getItem('night') !== null) return; // chosen here
  isNight = prefersDark.matches;
  applyTheme();
});

applyTheme();
let hasShelves = await fillShelves();
for (;;) {
  if (!document.hidden) await refresh();
  if (!hasShelves) hasShelves = await fillShelves();
  await new Promise((resolve) => {
    setTimeout(resolve, POLL_MS);
  });
}
