// Writes each file that gains by it as .br and .gz beside it, and prints the sizes that count.
import { readFileSync, readdirSync, writeFileSync } from "node:fs"
import { brotliCompressSync, constants, gzipSync } from "node:zlib"

const folder = new URL("../src/trackway/server/static/", import.meta.url)
const names = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => `${entry.parentPath}/${entry.name}`)
  .sort()
let total = 0
for (const name of names) {
  const plain = readFileSync(name)
  const packed = {
    gz: gzipSync(plain, { level: 9 }),
    br: brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
  }
  total += plain.length
  for (const [suffix, data] of Object.entries(packed)) {
    if (data.length > plain.length * 0.9) continue
    writeFileSync(`${name}.${suffix}`, data)
    total += data.length
  }
}
console.log(`${names.length} files, ${(total / 1e6).toFixed(2)} MB with their compressed forms`)
