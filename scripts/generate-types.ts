// Reads Envoy's protobuf schema out of the Envoy binary and turns it into modules under src/gen/.
// The ELF carries every FileDescriptorProto uncompressed, so the types can never drift from the
// proxy that is run. Usage: node scripts/generate-types.ts ENVOY_BINARY
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  FileDescriptorProtoSchema,
  type DescriptorProto,
  type FileDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import { ownProtos } from './own-protos.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUT = join(ROOT, 'src/gen');
/** FileDescriptorProto: name = 1, package = 2, dependency = 3, message_type = 4. */
const TAG_NAME = 0x0a;
const TAGS_AFTER_NAME = new Set([0x12, 0x1a, 0x22]);
const PROTO_SUFFIX = Buffer.from('.proto');
const FILE_NAME = /^[\w./-]+\.proto$/;
const FIELD_NUMBER_MAX = 14; // FileDescriptorProto.edition
/** Fewer than this and the scan has failed, whatever it returned (1.40.0 holds 559). */
const FILES_MIN = 400;

/** Every FileDescriptorProto found in the binary, by file name. */
function extractDescriptors(binary: Buffer): Map<string, FileDescriptorProto> {
  const files = new Map<string, FileDescriptorProto>();
  for (
    let at = binary.indexOf(PROTO_SUFFIX);
    at !== -1;
    at = binary.indexOf(PROTO_SUFFIX, at + 1)
  ) {
    const nameEnd = at + PROTO_SUFFIX.length;
    if (!TAGS_AFTER_NAME.has(binary[nameEnd] ?? 0)) continue;
    const start = nameStart(binary, nameEnd);
    if (start === undefined) continue;
    const file = parseDescriptor(binary.subarray(start, descriptorEnd(binary, start)));
    if (file && !files.has(file.name)) files.set(file.name, file);
  }
  return files;
}

/** Offset of the `0x0a <length>` before the name that ends at `nameEnd`. Names are < 128 bytes. */
function nameStart(binary: Buffer, nameEnd: number): number | undefined {
  for (let length = PROTO_SUFFIX.length; length < 128; length++) {
    const start = nameEnd - length - 2;
    if (binary[start] !== TAG_NAME || binary[start + 1] !== length) continue;
    if (FILE_NAME.test(binary.toString('latin1', start + 2, nameEnd))) return start;
  }
  return undefined;
}

/** Walks top-level fields until something that cannot belong to a FileDescriptorProto. */
function descriptorEnd(binary: Buffer, start: number): number {
  let at = start;
  for (let hasName = false; ;) {
    const tag = readVarint(binary, at);
    const number = tag.value >>> 3;
    const wireType = tag.value & 7;
    const isField = number >= 1 && number <= FIELD_NUMBER_MAX && (wireType === 2 || wireType === 0);
    if (!isField || (number === 1 && hasName)) return at;
    hasName ||= number === 1;
    const value = readVarint(binary, tag.end);
    at = wireType === 2 ? value.end + value.value : value.end;
  }
}

function readVarint(binary: Buffer, at: number): { value: number; end: number } {
  let value = 0;
  for (let shift = 0; shift < 32; shift += 7) {
    const byte = binary[at++] ?? 0;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return { value: value >>> 0, end: at };
}

function parseDescriptor(bytes: Uint8Array): FileDescriptorProto | undefined {
  try {
    return fromBinary(FileDescriptorProtoSchema, bytes);
  } catch {
    return undefined; // text that merely looks like a descriptor
  }
}

/** The embedded descriptors carry no json_name; without it fromJson accepts only snake_case. */
function fillJsonNames(messages: readonly DescriptorProto[]): void {
  for (const message of messages) {
    for (const field of message.field) {
      field.jsonName ||= field.name.replace(/_+(.)/g, (_, c: string) => c.toUpperCase());
    }
    fillJsonNames(message.nestedType);
  }
}

/** Dependencies before dependents, as a CodeGeneratorRequest wants them. */
function inOrder(files: ReadonlyMap<string, FileDescriptorProto>): FileDescriptorProto[] {
  const ordered = new Set<FileDescriptorProto>();
  const visit = (name: string, from: string): void => {
    const file = files.get(name);
    assert(file, `${from} imports ${name}, which is not in the binary`);
    if (ordered.has(file)) return;
    for (const dependency of file.dependency) visit(dependency, name);
    ordered.add(file);
  };
  for (const name of [...files.keys()].toSorted()) visit(name, 'the list of files');
  return [...ordered];
}

function generate(files: readonly FileDescriptorProto[]): void {
  const request = create(CodeGeneratorRequestSchema, {
    fileToGenerate: files.map((file) => file.name).filter((n) => !n.startsWith('google/protobuf/')),
    parameter: 'target=js+dts,import_extension=js',
    protoFile: [...files],
  });
  const plugin = join(ROOT, 'node_modules/@bufbuild/protoc-gen-es/bin/protoc-gen-es');
  const result = spawnSync(process.execPath, [plugin], {
    input: toBinary(CodeGeneratorRequestSchema, request),
    maxBuffer: 256 << 20,
  });
  assert.equal(result.status, 0, result.stderr.toString());
  const response = fromBinary(CodeGeneratorResponseSchema, result.stdout);
  assert.equal(response.error, '');
  const fresh = `${OUT}.new`;
  rmSync(fresh, { recursive: true, force: true });
  for (const file of response.file) {
    mkdirSync(join(fresh, dirname(file.name)), { recursive: true });
    writeFileSync(join(fresh, file.name), file.content);
  }
  rmSync(OUT, { recursive: true, force: true });
  renameSync(fresh, OUT);
  process.stdout.write(`${response.file.length} files\n`);
}

const [binaryPath] = process.argv.slice(2);
assert(binaryPath, 'usage: node scripts/generate-types.ts ENVOY_BINARY');
const files = extractDescriptors(readFileSync(binaryPath));
assert(
  files.size >= FILES_MIN,
  `${binaryPath} holds ${files.size} descriptors: not an Envoy 1.40?`,
);
for (const file of ownProtos()) files.set(file.name, file);
for (const file of files.values()) fillJsonNames(file.messageType);
generate(inOrder(files));
