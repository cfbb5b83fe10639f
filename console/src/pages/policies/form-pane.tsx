// A policy as a form. It shows what the text says and asks for changes of the text: comments,
// quotes and all that has no field here stay as they are.
import { useMemo, type ReactNode } from 'react';
import { FieldView } from './form-fields.tsx';
import type { Edit } from './form-props.ts';
import { unshown, type Field } from './forms.ts';
import type { Json, Path } from './json.ts';
import type { LiveNames } from './names.ts';
import { editYaml, readYaml } from './yaml-edit.ts';

type Props = {
  readonly fields: readonly Field[];
  readonly text: string;
  readonly onChange: (text: string) => void;
  readonly names: LiveNames;
  /** Empty: it can be edited. */
  readonly readOnlyReason: string;
};

export function FormPane({ fields, text, onChange, names, readOnlyReason }: Props): ReactNode {
  const { value, problems } = useMemo(() => readYaml(text), [text]);
  const [problem] = problems;
  if (problem) {
    return (
      <p className="notice warn" role="alert">
        The text is not YAML (line {problem.line}: {problem.text}). Mend it as YAML first.
      </p>
    );
  }
  const rest = unshown(value, fields);
  const edit: Edit = (path: Path, part: Json | undefined) => onChange(editYaml(text, path, part));
  return (
    <form className="form" aria-label="Policy" onSubmit={(event) => event.preventDefault()}>
      <fieldset disabled={readOnlyReason !== ''} className="plain">
        {readOnlyReason !== '' && <p className="quiet">{readOnlyReason}</p>}
        {fields.map((field) => (
          <FieldView
            key={field.label}
            field={field}
            base={[]}
            value={value}
            names={names}
            onEdit={edit}
            isDisabled={readOnlyReason !== ''}
          />
        ))}
      </fieldset>
      {rest.length > 0 && (
        <p className="notice">
          The YAML says more, which has no field here and stays as it is:{' '}
          {rest.slice(0, 12).map((path) => (
            <code key={path}>{path} </code>
          ))}
          {rest.length > 12 && `and ${rest.length - 12} more`}
        </p>
      )}
    </form>
  );
}
