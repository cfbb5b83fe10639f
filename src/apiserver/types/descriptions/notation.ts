// The notation of the descriptions beside this file, in words of our own:
//
//   core.Service: A name and an address for a set of Pods.
//     selector: Pods with these labels are the Service's.
//       A further line of the same.

export type Description = {
  readonly text: string;
  readonly fields: ReadonlyMap<string, string>;
};

/** By a type's qualified name, as in the field tables. */
export type Descriptions = ReadonlyMap<string, Description>;

/** @throws when the text is not in the notation: a mistake in it is a bug, found at once */
export function parseDescriptions(text: string): Descriptions {
  const found = new Map<string, { text: string; fields: Map<string, string> }>();
  let type: { text: string; fields: Map<string, string> } | undefined;
  let field: string | undefined;
  for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
    const [, indent = '', name = '', said = line.trim()] =
      /^( {0,2})([\w.]+): (.+)$/.exec(line) ?? [];
    if (name !== '' && indent === '') {
      type = { text: said, fields: new Map() };
      field = undefined;
      if (found.has(name)) throw new Error(`${name} is described twice`);
      found.set(name, type);
    } else if (!type) {
      throw new Error(`a description of nothing: ${line}`);
    } else if (name !== '') {
      field = name;
      type.fields.set(name, said);
    } else if (field === undefined) {
      type.text = `${type.text} ${said}`;
    } else type.fields.set(field, `${type.fields.get(field)} ${said}`);
  }
  return found;
}
