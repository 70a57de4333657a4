#pragma once
// Facts of a study by HTTP, for systems that hold pathology results.
#include "server/http.h"
#include "storage/database.h"

namespace server {

// GET  /studies/WORD/clinical: {"study", "facts": [...], "known": [...]}
// POST /studies/WORD/clinical: {"said_by": "…", "facts": {"er": "pos", "ki67": 22.5}} records them: 200 with what holds
// now. WORD, percent-encoded, is a Study Instance UID, which need not be here yet, or the accession number of a study
// that is; said_by has 64 characters at most. 400 says what is wrong with a request, 404 that there is no such place or
// study, 405 which methods there are.
[[nodiscard]] HttpAnswer answer_clinical(storage::Database& database, const HttpRequest& request);

}  // namespace server
