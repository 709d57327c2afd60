/** What stages and aliases ask of a version: shown to all, and changed by who manages the model. */
import { useState } from "preact/hooks"
import { call } from "../../api/client"
import type { ModelPolicy, PolicyRule } from "../../api/types"
import { Button } from "../../components/basics"
import { FormDialog } from "../../components/dialog"
import { Section } from "../../components/facts"
import { Table } from "../../components/table"
import { attempt, say } from "../../components/toasts"
import { useLoad } from "../../state/load"
import { me, useMay } from "../../state/me"
import { AliasBadge, StageBadge, STAGES, type Stage } from "./badges"

type Goal = Pick<PolicyRule, "stage" | "alias">

interface PolicyProps {
  name: string
  policy: ModelPolicy
  reload: () => void
}

const HEADS = ["Before a version has", "It needs"]

export function Policy({ name, policy, reload }: PolicyProps) {
  const may = useMay("registered_models.set_policy", name)
  const [asked, setAsked] = useState<PolicyRule | "new">()
  const { rules } = policy
  const change = async (goal: Goal, rule: PolicyRule | undefined, said: string) => {
    const before = await replaceRule(name, goal, rule)
    reload()
    say(said, async () => {
      await replaceRule(name, goal, before)
      reload()
    })
  }
  if (rules.length === 0 && !may) return null
  return (
    <Section
      title="Policy"
      acts={
        may && (
          <Button icon="add" onClick={() => setAsked("new")}>
            Add a rule
          </Button>
        )
      }
    >
      {rules.length === 0 && <p class="soft section-none">Nothing is asked of a version before it has a stage or an alias.</p>}
      {rules.length > 0 && (
        <Table label="Rules" heads={may ? [...HEADS, ["Acts", "unseen"]] : HEADS} inside>
          {rules.map((rule) => (
            <tr key={titleOf(rule)}>
              <td>{rule.stage === "None" ? "no stage" : rule.stage ? <StageBadge stage={rule.stage} /> : <AliasBadge alias={rule.alias} />}</td>
              <td class="wide">{describe(rule)}</td>
              {may && (
                <td class="number">
                  <Button kind="bare" tiny icon="edit" label={`Change what ${titleOf(rule)} needs`} onClick={() => setAsked(rule)} />
                  <Button
                    kind="bare"
                    tiny
                    icon="trash"
                    label={`Delete the rule of ${titleOf(rule)}`}
                    onClick={() => void attempt(() => change(rule, undefined, `${titleOf(rule)} needs nothing any more`))}
                  />
                </td>
              )}
            </tr>
          ))}
        </Table>
      )}
      {asked && (
        <RuleForm
          before={asked === "new" ? undefined : asked}
          taken={rules.map(titleOf)}
          onClose={() => setAsked(undefined)}
          onSubmit={(rule) => change(rule, rule, `What ${titleOf(rule)} needs is set`)}
        />
      )}
    </Section>
  )
}

/** Put one rule in the place of what there is for its stage or alias now; returns that. Other rules stay as they are. */
async function replaceRule(name: string, { stage, alias }: Goal, rule: PolicyRule | undefined): Promise<PolicyRule | undefined> {
  const { rules } = await call("registered_models.get_policy", { name })
  const at = rules.findIndex((one) => one.stage === stage && one.alias === alias)
  const next = rules.slice()
  next.splice(at < 0 ? rules.length : at, at < 0 ? 0 : 1, ...(rule ? [rule] : []))
  await call("registered_models.set_policy", { name, rules: next })
  return rules[at]
}

function titleOf({ stage, alias }: Goal): string {
  return stage ?? `@${alias}`
}

function describe(rule: PolicyRule): string {
  const needs = [
    rule.signature && (rule.keys.length ? `a signature by ${rule.keys.join(" or ")}` : "a signature by a trusted key"),
    rule.evaluation && "an evaluation that passed",
    rule.approval && "somebody else's approval",
  ].filter(Boolean)
  return needs.join(", ") || "nothing"
}

interface RuleProps {
  before: PolicyRule | undefined
  /** Stages and aliases that have a rule. */
  taken: string[]
  onClose: () => void
  onSubmit: (rule: PolicyRule) => Promise<unknown>
}

const ALIAS = "alias"

function RuleForm({ before, taken, onClose, onSubmit }: RuleProps) {
  const [goal, setGoal] = useState<Stage | typeof ALIAS>(before ? (before.stage ?? ALIAS) : "Production")
  const [alias, setAlias] = useState(before?.alias ?? "")
  const [signature, setSignature] = useState(before?.signature ?? false)
  const [keys, setKeys] = useState(new Set(before?.keys))
  const [evaluation, setEvaluation] = useState(before?.evaluation ?? !before)
  const [approval, setApproval] = useState(before?.approval ?? false)
  const named: Goal = goal === ALIAS ? { stage: null, alias: alias.trim().replace(/^@/, "") } : { stage: goal, alias: "" }
  const known = !before && taken.includes(titleOf(named))
  const checks: [label: string, value: boolean, set: (value: boolean) => void][] = [
    ["An evaluation that passed", evaluation, setEvaluation],
    ["The approval of somebody else than who asks", approval, setApproval],
    ["A signature by a trusted key", signature, setSignature],
  ]
  return (
    <FormDialog
      title={before ? `What ${titleOf(before)} needs` : "What a stage or an alias needs"}
      action={known ? "Replace" : "Set"}
      ready={(evaluation || approval || signature) && (goal !== ALIAS || named.alias !== "")}
      onClose={onClose}
      onSubmit={() => onSubmit({ ...named, signature, keys: signature ? [...keys] : [], evaluation, approval })}
    >
      {!before && (
        <label class="field">
          <span>Before a version has</span>
          <select class="select" value={goal} onChange={(event) => setGoal(event.currentTarget.value as Stage)} autoFocus>
            {STAGES.filter((stage) => stage !== "None").map((stage) => (
              <option key={stage} value={stage}>
                the stage {stage}
              </option>
            ))}
            <option value={ALIAS}>an alias</option>
          </select>
        </label>
      )}
      {!before && goal === ALIAS && (
        <label class="field">
          <span>Alias</span>
          <input class="input" value={alias} placeholder="champion" onInput={(event) => setAlias(event.currentTarget.value)} />
        </label>
      )}
      <fieldset class="choices">
        <legend>It needs</legend>
        {checks.map(([label, value, set]) => (
          <label class="check" key={label}>
            <input type="checkbox" checked={value} onChange={(event) => set(event.currentTarget.checked)} />
            {label}
          </label>
        ))}
      </fieldset>
      {signature && <Keys chosen={keys} onChosen={setKeys} />}
      <p class="soft small">
        {known && "It has a rule already, which is replaced. "}
        {approval && me.value?.means === "none"
          ? "Nobody signs in at this server, so that nobody can approve: no version comes to it."
          : "What has it keeps it; versions that come to it from now on need this."}
      </p>
    </FormDialog>
  )
}

/** By which of the trusted keys a signature counts: by any when none is chosen. */
function Keys({ chosen, onChosen }: { chosen: Set<string>; onChosen: (keys: Set<string>) => void }) {
  const { data } = useLoad("keys", (signal) => call("signing_keys.list", {}, signal))
  const [before] = useState(chosen)
  const names = [...new Set([...(data?.keys.map((key) => key.name) ?? []), ...before])]
  if (data && names.length === 0) {
    return (
      <p class="soft small">
        No key is trusted yet, so that no signature counts: an administrator trusts one by <code>trackway models trust</code>.
      </p>
    )
  }
  return (
    <fieldset class="choices">
      <legend>By one of these, or by any if none is chosen</legend>
      {names.map((name) => (
        <label class="check" key={name}>
          <input
            type="checkbox"
            checked={chosen.has(name)}
            onChange={(event) => {
              const next = new Set(chosen)
              if (event.currentTarget.checked) next.add(name)
              else next.delete(name)
              onChosen(next)
            }}
          />
          {name}
        </label>
      ))}
    </fieldset>
  )
}
