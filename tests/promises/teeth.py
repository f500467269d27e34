"""Faults spread over the whole program, each with the promise's test that must catch it (R28).

None of them is one of the mutants that the promises' own tests plant.
"""

from dataclasses import dataclass

from edited_program import Edit


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault, and the cheapest test of a promise that catches it, as pytest names it below this folder."""

    edit: Edit
    caught_by: str


FAULTS: dict[str, Fault] = {
    "noise at three quarters of its scale": Fault(
        caught_by="test_r13_noise.py::test_no_canary_in_one_block_gives_away_more_than_claimed",
        edit=Edit(
            module="confidential/noise.py",
            old="    return np.asarray(answers(mechanism), dtype=np.int64)",
            new="    return vector + (np.asarray(answers(mechanism), dtype=np.int64) - vector) * 3 // 4",
        ),
    ),
    "one draw serves all parts of a long vector": Fault(
        caught_by="test_r30_independence.py::test_no_draw_serves_two_parts_of_a_long_vector",
        edit=Edit(
            module="confidential/noise.py",
            old="        return [noisy for part in on_all_cores(mechanism, parts) for noisy in part]",
            new="        shared = mechanism([0] * _PART)\n"
            "        return [cell + shared[place] for part in parts for place, cell in enumerate(part)]",
        ),
    ),
    "the quick look passes traders a little over the bound": Fault(
        caught_by="test_r12_clip.py::test_a_trader_a_hair_over_the_bound_is_clipped",
        edit=Edit(module="confidential/clip.py", old="_SURELY = 1 - 2.0**-20", new="_SURELY = 1 + 2.0**-6"),
    ),
    "the large traders' tier is clipped at twice its bound": Fault(
        caught_by="test_r12_large_traders.py::test_removing_a_trader_changes_the_excess_by_what_its_policy_says",
        edit=Edit(
            module="confidential/excess.py",
            old="    return summed(clip(whitened_excess(amounts, measure, excess), excess.bound), excess.cells)",
            new="    return summed(clip(whitened_excess(amounts, measure, excess), 2 * excess.bound), excess.cells)",
        ),
    ),
    "revisions cost the reserve and never more": Fault(
        caught_by="test_r04_ledger.py::test_releases_and_revisions_spend_the_limit_together",
        edit=Edit(module="ledger/standing.py", old="max(self.terms.reserve, self.revisions)", new="self.terms.reserve"),
    ),
    "losses are held to the limit in binary floats": Fault(
        caught_by="test_r04_ledger.py::test_a_limit_exceeded_in_the_thirtieth_place_is_refused",
        edit=Edit(
            module="ledger/standing.py",
            old="if after.committed > after.terms.limit:",
            new="if float(after.committed) > float(after.terms.limit):",
        ),
    ),
    "an entry's hash leaves out the one before": Fault(
        caught_by="test_r05_ledger.py::test_an_attacked_ledger_is_refused_and_a_ledger_by_itself_is_not_enough",
        edit=Edit(
            module="ledger/entries.py",
            old='    if entry.previous != before.hash:\n        return f"it doesn\'t follow entry {before.sequence}"\n',
            new="",
        ),
    ),
    "a shorter chain than the witness saw will do": Fault(
        caught_by="test_r27_ledger.py::test_the_latest_sqlite_backup_is_taken_and_older_ones_are_refused",
        edit=Edit(
            module="ledger/guard.py",
            old="        if found != one.head:\n            raise",
            new="        if found not in (one.head, EMPTY):\n            raise",
        ),
    ),
    "a release may be charged once and run by another plan": Fault(
        caught_by="test_r09_ledger.py::test_every_clock_has_the_same_decisions",
        edit=Edit(
            module="ledger/charges.py", old='        ("plan", charged.plan_digest, asked.plan_digest),\n', new=""
        ),
    ),
    "SQLite doesn't wait for the disk": Fault(
        caught_by="test_r02_ledger.py::test_no_acknowledged_charge_is_missing_after_a_power_cut",
        edit=Edit(module="ledger/sql/sqlite.py", old='("synchronous", "EXTRA", 3)', new='("synchronous", "OFF", 0)'),
    ),
    "records are interpreted before the charge": Fault(
        caught_by="test_r16_leaks.py::test_a_reader_that_fails_at_a_row_still_tells_nothing_and_was_charged_before",
        edit=Edit(
            module="confidential/records.py",
            old='sealed("rehearsal without rows", lambda: self._vectors(plan, rows=0))',
            new='sealed("rehearsal without rows", lambda: self._vectors(plan))',
        ),
    ),
    "the ledger is told a digest of names and sizes": Fault(
        caught_by="test_r08_inputs.py::test_a_charged_run_goes_on_with_its_own_config_and_records_only",
        edit=Edit(
            module="confidential/sources.py",
            old='len(name).to_bytes(8, "big") + name + digest)',
            new='len(name).to_bytes(8, "big") + name)',
        ),
    ),
    "an error quotes the header that was found": Fault(
        caught_by="test_r16_leaks.py::test_failures_show_no_raw_value",
        edit=Edit(
            module="confidential/sources.py",
            old='yield f"no column {told}{_other_separator(names, source)}"',
            new='yield f"no column {told}{_other_separator(names, source)} beside {names}"',
        ),
    ),
    "cells are published in the order of their figures": Fault(
        caught_by="test_r15_shape.py::test_no_record_and_one_traders_are_published_in_one_shape",
        edit=Edit(module="postprocess.py", old="pl.concat(parts)", new='pl.concat(parts).sort("estimate")'),
    ),
    "files keep the time at which a run wrote them": Fault(
        caught_by="test_r17_measures.py::test_ten_and_a_hundred_thousand_rows_are_published_alike",
        edit=Edit(
            module="bundle/folder.py",
            old="        os.utime(file.fileno(), (SAME_TIME, SAME_TIME))\n",
            new="",
        ),
    ),
    "the office's statement is written over in its place": Fault(
        caught_by="test_r03_publication.py"
        "::test_a_publication_on_a_failing_disk_is_whole_or_not_there_and_goes_on_afterwards",
        edit=Edit(
            module="bundle/folder.py",
            old="        _write(staging, content)\n        staging.replace(place)",
            new="        place.write_bytes(content)",
        ),
    ),
    "a spelling of an id may stand for two traders": Fault(
        caught_by="test_r11_malformed.py::test_a_table_of_ids_with_a_fault_is_refused_without_quoting_an_id",
        edit=Edit(module="confidential/mapping.py", old="        seen.add(alias)\n", new=""),
    ),
    "a key list may hold a code twice": Fault(
        caught_by="test_r11_malformed.py::test_a_key_list_with_a_fault_is_refused",
        edit=Edit(
            module="tables.py",
            old="sorted(key for key, times in Counter(keys).items() if times > 1)",
            new="sorted(key for key, times in Counter(keys).items() if times > len(keys))",
        ),
    ),
    "the page for people isn't held to its digest": Fault(
        caught_by="test_r20_mutated.py::test_a_page_that_was_changed_is_refused",
        edit=Edit(
            module="bundle/reading.py",
            old="    if len(content) != size or",
            new='    if name.endswith(".html"):\n        return content\n    if len(content) != size or',
        ),
    ),
    "one keeper is enough for a registry": Fault(
        caught_by="test_r22_replayed.py::test_every_attack_of_the_list_is_refused_or_marked",
        edit=Edit(
            module="registry/metadata.py",
            old="        root.verify_delegate(role, metadata.signed_bytes, metadata.signatures)",
            new="        held = root.get_verification_result(role, metadata.signed_bytes, metadata.signatures)\n"
            "        if not held.signed:\n            raise ValueError",
        ),
    ),
    "a refused bundle is remembered as seen": Fault(
        caught_by="test_r22_replayed.py::test_what_was_seen_is_written_only_after_every_check",
        edit=Edit(
            module="bundle/memory.py",
            old="    if not result.valid or identity is None:\n        return None\n    known",
            new="    if identity is None:\n        return None\n    known",
        ),
    ),
    "an at sign may begin a cell of a CSV": Fault(
        caught_by="test_r24_spreadsheets.py::test_no_text_begins_a_formula_by_any_spreadsheets_rules",
        edit=Edit(module="bundle/cells.py", old=r"[=+\-@\t\r\n＝＋－＠]", new=r"[=+\-\t\r\n＝＋－＠]"),
    ),
    "a paragraph of the dashboard takes markup": Fault(
        caught_by="test_r25_dashboard.py::test_markup_holds_no_payload_as_it_is",
        edit=Edit(
            package="dashboard",
            module="markup.py",
            old='<p class="{escape(kind)}">{escape(text)}{ways}</p>',
            new='<p class="{escape(kind)}">{text}{ways}</p>',
        ),
    ),
    "the dashboard shows visitors its errors": Fault(
        caught_by="test_r26_dashboard.py::test_the_shipped_settings_are_the_safe_ones",
        edit=Edit(
            package="dashboard",
            module="settings.py",
            old='"client.showErrorDetails": "none"',
            new='"client.showErrorDetails": "full"',
        ),
    ),
    "the table of ids has a digest without a key": Fault(
        caught_by="test_r29_guesses.py::test_no_candidate_of_a_record_can_be_told_from_another",
        edit=Edit(
            module="confidential/records.py",
            old='        return tuple((name, keyed_digest(secret, digest, purpose=f"{release}/{name}"))'
            " for name, digest in contents)",
            new='        return tuple((name, keyed_digest(secret, digest, purpose=f"{release}/{name}")'
            " if name == SOURCE else digest.hex()) for name, digest in contents)",
        ),
    ),
    "a noisy result is drawn anew and takes the stored one's place": Fault(
        caught_by="test_r06_ledger.py::test_the_noisy_result_that_was_stored_first_stays",
        edit=Edit(
            module="measurement.py",
            old="        os.link(f",
            new="        (folder / name).unlink(missing_ok=True)\n        os.link(f",
        ),
    ),
}
