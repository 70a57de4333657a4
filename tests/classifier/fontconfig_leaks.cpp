// Fontconfig, which cairo asks for a font, keeps a kilobyte to the end of a process; nothing of ours is covered by this.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libfontconfig"; }
