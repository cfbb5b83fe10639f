// The list's query, kept in the address.
import { useMemo } from 'react';
import { currentPlace, navigate, usePlace } from '../../../router/location.ts';
import { listQueryParams, parseListQuery, type ListQuery } from './query.ts';

/** Null: no filter at all; order and density stay. */
export type SetListQuery = (query: ListQuery | null) => void;

export function useListQuery(): readonly [ListQuery, SetListQuery] {
  const { search } = usePlace();
  const query = useMemo(() => parseListQuery(new URLSearchParams(search)), [search]);
  const set: SetListQuery = (next) => {
    const { path, search: present } = currentPlace();
    const params = new URLSearchParams(present);
    const cleared = { ...query, kind: '', network: null, isProblemsOnly: false, find: '' };
    for (const [name, value] of Object.entries(listQueryParams(next ?? cleared))) {
      if (value === null) params.delete(name);
      else params.set(name, value);
    }
    const text = params.toString();
    navigate(text === '' ? path : `${path}?${text}`, 'replace');
  };
  return [query, set];
}
