// Types of spines.js, for its tests.
import type { BookStatus, LibraryView, ViewedBook } from '../view.ts';

export type Look = {
  readonly cloth: number;
  readonly pattern: number;
  readonly height: number;
  readonly width: number;
  readonly label: string;
};

export function lookOf(book: { readonly title: string; readonly author: string }): Look;
export function wordsFor(status: BookStatus): {
  readonly step: 1 | 2 | 3;
  readonly label: string;
  readonly detail: string;
};
export function ordinal(count: number): string;
export function ago(ageMs: number): string;
export function newest(
  shelves: LibraryView['shelves'],
  count: number,
): readonly (ViewedBook & { readonly shelf: string })[];
export function noticeFor(view: LibraryView): string | undefined;
