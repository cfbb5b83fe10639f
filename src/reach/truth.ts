// Yes, no, or not known: what a rule says of a call of which not everything was recorded. Kleene's
// logic, so that a "no" that does not need what is missing is still a "no".

export type Truth = 'yes' | 'no' | 'unknown';

export const truthOf = (value: boolean): Truth => (value ? 'yes' : 'no');

export function not(value: Truth): Truth {
  if (value === 'unknown') return value;
  return value === 'yes' ? 'no' : 'yes';
}

/** Of none: yes. */
export function every<T>(items: Iterable<T>, test: (item: T) => Truth): Truth {
  let result: Truth = 'yes';
  for (const item of items) {
    const one = test(item);
    if (one === 'no') return one;
    if (one === 'unknown') result = one;
  }
  return result;
}

/** Of none: no. */
export function some<T>(items: Iterable<T>, test: (item: T) => Truth): Truth {
  return not(every(items, (item) => not(test(item))));
}
