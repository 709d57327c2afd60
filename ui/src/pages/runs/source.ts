/** Found runs by their place in the order: fetched a block at a time, where the table is looked at. */
import { ApiError, call } from "../../api/client"
import type { Run } from "../../api/types"

export interface RunQuery {
  experiments: string[] | null
  filter: string
  order_by: string[]
  view: "active" | "deleted"
}

const BLOCK = 100
/** Ids that are fetched at once: those of some screens before and behind, which are 66 kB. */
const STRETCH = 2_000

export class RunSource {
  /** Ids of found runs by their place in the order, of those stretches that were looked at. */
  private ids: (string | undefined)[] = []
  /** How many runs are found; null until it is known: then there are more than the first block. */
  private total: number | null = null
  private readonly runs = new Map<string, Run>()
  private readonly asked = new Set<number>()
  private readonly askedStretches = new Set<number>()
  /** Counts how often the order was asked for: what belongs to an earlier one is thrown away. */
  private turn = 0
  private seen: [start: number, end: number] = [0, BLOCK]
  private readonly control = new AbortController()
  private begun = 0
  private later = 0
  error: ApiError | undefined
  loading = true

  constructor(
    readonly query: RunQuery,
    private readonly changed: () => void,
  ) {
    void this.begin()
  }

  /** How many runs are known of. */
  get count(): number {
    return this.total ?? (this.ids.length && this.ids.length + 1)
  }

  /** Whether `count` is that of all found runs. */
  get counted(): boolean {
    return this.total !== null
  }

  id(place: number): string | undefined {
    return this.ids[place]
  }

  /** Ids of all found runs, which may have to be fetched. */
  async every(): Promise<string[]> {
    const here = this.ids.filter((id) => id !== undefined)
    if (here.length === this.total) return here
    const index = await call("runs.index", this.search(), this.control.signal)
    return index.run_ids === "" ? [] : index.run_ids.split("\n")
  }

  /** The place of a run; -1 when it is not known to be one of these. */
  place(id: string): number {
    return this.ids.indexOf(id)
  }

  run(place: number): Run | undefined {
    const id = this.id(place)
    return id === undefined ? undefined : this.runs.get(id)
  }

  /** Runs that are here, in order, up to a number of them. */
  loaded(limit: number): Run[] {
    const found: Run[] = []
    for (const id of this.ids) {
      const run = id === undefined ? undefined : this.runs.get(id)
      if (run) found.push(run)
      if (found.length === limit) break
    }
    return found
  }

  known(id: string): Run | undefined {
    return this.runs.get(id)
  }

  /** Put in a run as it is now, if it is one of these. */
  put(run: Run): void {
    if (this.runs.has(run.run_id)) this.runs.set(run.run_id, run)
  }

  stop(): void {
    window.clearTimeout(this.later)
    this.control.abort()
  }

  /** Fetch what is missing between two places. */
  need(start: number, end: number): void {
    this.seen = [start, end]
    if (this.total === null) return
    const last = Math.min(end, this.total)
    for (let stretch = Math.floor(start / STRETCH); stretch * STRETCH < last; stretch++) {
      if (this.askedStretches.has(stretch)) continue
      this.askedStretches.add(stretch)
      void this.fetchIds(stretch)
    }
    for (let block = Math.floor(start / BLOCK); block * BLOCK < last; block++) {
      if (this.asked.has(block) || this.ids[block * BLOCK] === undefined) continue
      this.asked.add(block)
      void this.fetch(block)
    }
  }

  /** Follow a change: ask for the runs that are here again, and for the order when there are others. */
  async follow(runs: string[], all: boolean): Promise<void> {
    const known = runs.filter((id) => this.runs.has(id))
    const ids = new Set(this.ids)
    const strange = all || runs.length === 0 || runs.some((id) => !ids.has(id)) || this.query.filter !== ""
    try {
      if (known.length > 0) {
        const found = await call("runs.get_many", { run_ids: known.slice(0, 500) }, this.control.signal)
        for (const run of found.runs) this.runs.set(run.run_id, run)
        this.changed()
      }
      // The order of many runs is dear to ask for: it is a little behind then.
      const pause = this.count > 5_000 ? 15_000 : 2_000
      if ((strange || this.query.order_by.length > 0) && Date.now() - this.begun > pause) await this.begin(true)
      else if (strange && !this.later) {
        this.later = window.setTimeout(() => {
          this.later = 0
          if (!this.control.signal.aborted) void this.begin(true)
        }, pause)
      }
    } catch {
      // Runs that cannot be had now are asked for with the next change.
    }
  }

  /** Ask again for the order, and for the runs that are here. */
  async refresh(): Promise<void> {
    await this.begin(true)
  }

  private search() {
    const { experiments, ...rest } = this.query
    return { experiment_ids: experiments, ...rest }
  }

  private async begin(again = false): Promise<void> {
    this.begun = Date.now()
    const turn = ++this.turn
    try {
      const page = await call("runs.search", { ...this.search(), limit: BLOCK }, this.control.signal)
      if (turn !== this.turn) return
      for (const run of page.runs) this.runs.set(run.run_id, run)
      const first = page.runs.map((run) => run.run_id)
      const more = page.next_page_token !== ""
      this.error = undefined
      this.loading = false
      if (again && more) this.ids.splice(0, first.length, ...first)
      else this.ids = first
      if (!more) this.total = first.length
      this.changed()
      if (more) await this.fetchIds(0)
      if (again) this.keep(first)
    } catch (error) {
      this.fail(error)
    }
  }

  /** Fetch the ids of a stretch, and how many runs there are; the first one begins the order anew. */
  private async fetchIds(stretch: number): Promise<void> {
    const { turn } = this
    const first = stretch * STRETCH
    try {
      const index = await call("runs.index", { ...this.search(), first, limit: STRETCH }, this.control.signal)
      if (turn !== this.turn) return
      if (stretch === 0) {
        this.asked.clear()
        this.asked.add(0)
        this.askedStretches.clear()
        this.askedStretches.add(0)
      }
      this.total = index.total
      this.ids.length = index.total
      const ids = index.run_ids === "" ? [] : index.run_ids.split("\n")
      for (const [n, id] of ids.entries()) this.ids[first + n] = id
      this.need(...this.seen)
      this.changed()
    } catch (error) {
      this.askedStretches.delete(stretch)
      this.fail(error)
    }
  }

  private fail(error: unknown): void {
    if (this.control.signal.aborted) return
    this.error = error instanceof ApiError ? error : new ApiError(0, "", String(error))
    this.loading = false
    this.changed()
  }

  /** Forget runs beyond a few thousand: they are fetched again where they are looked at. */
  private keep(first: string[]): void {
    if (this.runs.size < 5_000) return
    const kept = new Set(first)
    for (const id of this.runs.keys()) if (!kept.has(id)) this.runs.delete(id)
  }

  private async fetch(block: number): Promise<void> {
    const ids = this.ids.slice(block * BLOCK, (block + 1) * BLOCK).filter((id) => id !== undefined)
    try {
      const { runs } = await call("runs.get_many", { run_ids: ids }, this.control.signal)
      for (const run of runs) this.runs.set(run.run_id, run)
      this.changed()
    } catch (error) {
      this.asked.delete(block)
      this.fail(error)
    }
  }
}
