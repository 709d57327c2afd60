/** What a file is, by its name: what a sender says of it is not believed. */
import { nameOf } from "./transfer"

export type Kind =
  | "image" | "geo" | "onnx" | "audio" | "video" | "pdf" | "html" | "separated" | "parquet" | "notebook" | "model"
  | "markdown" | "json" | "text" | "gzip" | "archive" | "array" | "other" // prettier-ignore

const ENDS: [Kind, string][] = [
  ["image", "png jpg jpeg gif webp bmp svg avif ico"],
  ["audio", "mp3 wav ogg opus m4a aac flac weba"],
  ["video", "mp4 webm mov m4v ogv mkv"],
  ["pdf", "pdf"],
  ["html", "html htm"],
  ["separated", "csv tsv"],
  ["parquet", "parquet"],
  ["notebook", "ipynb"],
  ["markdown", "md markdown"],
  ["json", "json"],
  ["geo", "geojson"],
  ["onnx", "onnx"],
  ["gzip", "gz"],
  ["archive", "zip whl npz"],
  ["array", "npy"],
  [
    "text",
    "txt log out err py py3 js ts jsx tsx java r c h cpp go rs sh bash sql yaml yml toml ini cfg conf cnf hocon prop " +
      "properties xml rst jsonl jsonnet diff patch env lock gitignore dockerfile pbtxt tex",
  ],
]
const KINDS = new Map(ENDS.flatMap(([kind, ends]) => ends.split(" ").map((end): [string, Kind] => [end, kind])))
const PLAIN = /^(MLproject|Dockerfile|Makefile|README|LICENSE|requirements|conda|python_env|stdout|stderr)$/

export function kindOf(name: string): Kind {
  if (name === "MLmodel") return "model"
  if (PLAIN.test(name)) return "text"
  return KINDS.get(name.slice(name.lastIndexOf(".") + 1).toLowerCase()) ?? "other"
}

/** Whether two of them can be told apart line by line. */
export const isText = (name: string) => /^(text|json|geo|model|markdown|notebook|separated|html)$/.test(kindOf(nameOf(name)))
export const isImage = (name: string) => kindOf(name) === "image"
/** Whether it is shown from its bytes alone, wherever they come from. */
export const isContent = (name: string) => !/^(image|audio|video|pdf|parquet|onnx|archive)$/.test(kindOf(nameOf(name)))
