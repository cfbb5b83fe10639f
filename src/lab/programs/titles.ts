// The books that the writer enters, each title once.

const TITLES: readonly string[] = [
  'Fun Home',
  'Middlemarch',
  'Invisible Cities',
  'The Left Hand of Darkness',
  'Things Fall Apart',
  'The Master and Margarita',
  'Beloved',
  'Austerlitz',
  'The Summer Book',
  'Season of Migration to the North',
  'Kokoro',
  'Pedro Páramo',
  'The Periodic Table',
  'To the Lighthouse',
  'Housekeeping',
  'The Moon and the Bonfires',
];

/** The title of a row; ids count from 1. Past the end of the shelf there are further copies. */
export function titleOf(id: number): string {
  const title = TITLES[(id - 1) % TITLES.length] ?? '';
  const copy = Math.floor((id - 1) / TITLES.length) + 1;
  return copy === 1 ? title : `${title} (copy ${copy})`;
}
