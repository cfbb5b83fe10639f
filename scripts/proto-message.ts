// Messages as data: what protobuf's descriptors say of them, in one line a field.
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';

export type FieldType =
  | 'string'
  | 'bytes'
  | 'bool'
  | 'int64'
  | 'uint32'
  | 'uint64'
  | 'double'
  | `.${string}`;
export type Field = readonly [name: string, number: number, type: FieldType, repeated?: 'repeated'];

const SCALARS: Readonly<Record<string, Type>> = {
  string: Type.STRING,
  bytes: Type.BYTES,
  bool: Type.BOOL,
  int64: Type.INT64,
  uint32: Type.UINT32,
  uint64: Type.UINT64,
  double: Type.DOUBLE,
};

const lowerCamel = (name: string): string =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

export function message(name: string, fields: readonly Field[]) {
  return {
    name,
    field: fields.map(([fieldName, number, type, repeated]) => ({
      name: fieldName,
      number,
      jsonName: lowerCamel(fieldName),
      label: repeated ? Label.REPEATED : Label.OPTIONAL,
      type: SCALARS[type] ?? Type.MESSAGE,
      ...(type.startsWith('.') && { typeName: type }),
    })),
  };
}
