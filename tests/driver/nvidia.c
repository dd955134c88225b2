// Un controlador de NVIDIA de mentira: contesta a NVML y a CUDA lo que contestaría otro equipo.
//
// Se compila una vez y se guarda con dos nombres, `libnvidia-ml.so.1` y `libcuda.so.1`, así que
// `pynvml` y nuestro código lo abren como al de verdad. La variable FAKE_DRIVER dice qué equipo es.
//
// Los nombres, la memoria, el límite de consumo y la versión del controlador son los que enseñó
// `nvidia-smi` en el caso público que se cita, todos de GitHub; la capacidad de cómputo, la de la
// tabla de NVIDIA (https://developer.nvidia.com/cuda-gpus). Lo que una GPU no contesta es lo
// que allí sale «N/A». Son inventados los UUID, los julios, la frecuencia, la temperatura, los
// programas y lo que se dice que lo es.

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_CARDS 2

enum nvml {
    NVML_SUCCESS = 0,
    NVML_UNINITIALIZED = 1,
    NVML_INVALID_ARGUMENT = 2,
    NVML_NOT_SUPPORTED = 3,
    NVML_NO_PERMISSION = 4,
    NVML_INSUFFICIENT_SIZE = 7,
    NVML_DRIVER_NOT_LOADED = 9,
    NVML_FUNCTION_NOT_FOUND = 13,
    NVML_GPU_IS_LOST = 15,
    NVML_OPERATING_SYSTEM = 17,
    NVML_LIB_RM_VERSION_MISMATCH = 18,
    NVML_UNKNOWN = 999,
};

enum cuda {
    CUDA_SUCCESS = 0,
    CUDA_NOT_INITIALIZED = 3,
    CUDA_NO_DEVICE = 100,
    CUDA_INVALID_DEVICE = 101,
    CUDA_OPERATING_SYSTEM = 304,
    CUDA_SYSTEM_DRIVER_MISMATCH = 803,
    CUDA_UNKNOWN = 999,
};

enum slowed { BY_POWER = 0x4, BY_HEAT = 0x20 };
enum mig { MIG_NOT_SUPPORTED, MIG_DISABLED, MIG_ENABLED };

// Una GPU. Un dato que vale cero no lo da, y al preguntarlo contesta que no puede.
struct card {
    const char *name;
    int major, minor;  // capacidad de cómputo
    unsigned mib;      // memoria
    unsigned watts;    // límite de consumo
    unsigned joules;   // gastados al principio; cada vez que se pregunta, 1.5 más
    unsigned megahertz, celsius;
    enum slowed slowed;
    int others;        // programas que la usan, aparte de este
    bool no_programs;  // no dice cuáles la usan
    enum mig mig;
    const char *slice;      // si está partida, la parte que ve CUDA
    enum nvml no_memory;    // por qué no da la memoria, si no es porque no pueda
    enum nvml unreachable;  // por qué no se llega a ella
};

struct machine {
    const char *id, *driver;
    enum nvml nvml;      // lo que contesta NVML al arrancar
    enum cuda cuda;      // y lo que contesta CUDA
    bool unreadable;     // da mal escrito el nombre de las GPU
    bool before_r510;    // no tiene la función que dice qué programas usan la GPU
    bool host_programs;  // los programas llevan el número que tienen fuera del contenedor
    struct card cards[MOST_CARDS];
};

static const struct machine MACHINES[] = {
    // XuehaiPan/nvitop#127.
    {"rtx3060", "555.42.02",
     .cards = {{"NVIDIA GeForce RTX 3060", 8, 6, 12288, 170, 1000, 1800, 65, BY_POWER}}},

    // Memoria y consumo, PromtEngineer/localGPT#14; controlador, ollama/ollama#10250. Antes de
    // Volta no se cuenta la energía: mlco2/codecarbon#1316.
    {"gtx1080ti", "570.133.07",
     .cards = {{"NVIDIA GeForce GTX 1080 Ti", 6, 1, 11264, 250, 0, 1480, 84, BY_HEAT,
                .others = 1}}},

    // Wan-Video/Wan2.1#5; el nombre entero, NVIDIA/nvidia-docker#1076.
    {"v100", "525.105.17", .cards = {{"Tesla V100-SXM2-32GB", 7, 0, 32768, 300, 2000, 1530, 38}}},

    // noonghunna/club-3090#617: su dueño le ha subido el límite, que de fábrica es de 575 vatios.
    {"rtx5090", "595.71.05",
     .cards = {{"NVIDIA GeForce RTX 5090", 12, 0, 32607, 600, 3000, 2400, 46}}},

    // allenai/olmo-eval#53; controlador, NVIDIA/nvidia-container-toolkit#842.
    {"h100", "550.127.08",
     .cards = {{"NVIDIA H100 80GB HBM3", 9, 0, 81559, 700, 4000, 1980, 34, .mig = MIG_DISABLED}}},

    // Una vieja en la primera ranura, como en tensorflow/tensorflow#32793; la pareja es inventada.
    // De la vieja, NVIDIA/nvidia-docker#1077 y, la memoria, Syllo/nvtop#13. Los controladores 470,
    // los últimos que valen para las dos, descuentan lo que se reservan: la memoria de la RTX es
    // aproximada.
    {"old-first", "470.256.02", .before_r510 = true,
     .cards = {{"NVIDIA GeForce GT 710", 3, 5, 2002, .celsius = 50, .no_programs = true},
               {"NVIDIA GeForce RTX 3060", 8, 6, 12053, 170, 1000, 1800, 65, BY_POWER}}},

    // akash-network/provider-configs#12.
    {"two-equal", "535.129.03",
     .cards = {{"Quadro RTX 4000", 7, 5, 8192, 125, 5000, 1545, 30},
               {"Quadro RTX 4000", 7, 5, 8192, 125, 6000, 1560, 30}}},

    // Hay RTX 3060 con 8 GB que se llaman igual: huggingface/huggingface.js#695. Pareja inventada.
    {"same-name", "555.42.02",
     .cards = {{"NVIDIA GeForce RTX 3060", 8, 6, 8192, 170, 1000, 1800, 65},
               {"NVIDIA GeForce RTX 3060", 8, 6, 12288, 170, 2000, 1800, 65}}},

    // NVIDIA/open-gpu-kernel-modules#387; el error, rossumai/nvgpu#6. Que CUDA siga viendo la otra
    // es una suposición.
    {"lost", "520.61.05",
     .cards = {{"NVIDIA GeForce RTX 2080 Ti", 7, 5, .unreachable = NVML_GPU_IS_LOST},
               {"NVIDIA GeForce RTX 2080 Ti", 7, 5, 11264, 250, 7000, 1545, 70}}},

    // Un contenedor con una de las dos, NVIDIA/nvidia-container-runtime#189; los números de los
    // programas, Syllo/nvtop#149.
    {"container", "525.85.12", .host_programs = true,
     .cards = {{"NVIDIA RTX A4000", 8, 6, .unreachable = NVML_UNKNOWN},
               {"NVIDIA RTX A4000", 8, 6, 16376, 140, 8000, 1560, 30}}},

    // Sin memoria propia ni límite de consumo: snowflakedb/ArcticTraining#345.
    {"gb10", "580.126.09", .cards = {{"NVIDIA GB10", 12, 1, 0, 0, 9000, 2400, 36}}},

    // Partida, y sin permiso para mirarla entera: NVIDIA/DCGM#152, pytorch/pytorch#130181 y, el
    // error, NVIDIA/nvidia-container-toolkit#842.
    {"a100-mig", "535.161.08",
     .cards = {{"NVIDIA A100-SXM4-80GB", 8, 0, 0, 400, 10000, 1410, 33, .no_programs = true,
                .mig = MIG_ENABLED, .slice = "3g.40gb", .no_memory = NVML_NO_PERMISSION}}},

    // En modo MIG y sin ninguna parte hecha: pytorch/pytorch#98885.
    {"mig-empty", "535.161.08", .cuda = CUDA_NO_DEVICE,
     .cards = {{"NVIDIA A100-SXM4-80GB", 8, 0, 0, 400, 10000, 1410, 33, .mig = MIG_ENABLED}}},

    // Una RTX 50 con los módulos cerrados: NVIDIA/open-gpu-kernel-modules#862.
    {"refused", "570.133.07"},

    // WSL2: gpuopenanalytics/pynvml#53 y wookayin/gpustat#170.
    {"wsl", "555.85", .unreadable = true,
     .cards = {{"NVIDIA GeForce RTX 3090", 8, 6, 24576, 370, 11000, 1695, 35}}},

    // Los que no arrancan: NVIDIA/nvidia-docker#284; un controlador actualizado sin reiniciar; otro
    // sin cargar; un contenedor que perdió su GPU, NVIDIA/nvidia-docker#1730; y WSL2,
    // microsoft/WSL#12859. Lo que contesta CUDA es una suposición.
    {"no-permission", .nvml = NVML_NO_PERMISSION, .cuda = CUDA_NO_DEVICE},
    {"mismatch", .nvml = NVML_LIB_RM_VERSION_MISMATCH, .cuda = CUDA_SYSTEM_DRIVER_MISMATCH},
    {"not-loaded", .nvml = NVML_DRIVER_NOT_LOADED, .cuda = CUDA_NO_DEVICE},
    {"container-lost", .nvml = NVML_UNKNOWN, .cuda = CUDA_UNKNOWN},
    {"wsl-blocked", .nvml = NVML_OPERATING_SYSTEM, .cuda = CUDA_OPERATING_SYSTEM},
};

static const struct machine *chosen(void) {
    const char *id = getenv("FAKE_DRIVER");
    for (int at = 0; id && at < (int)(sizeof MACHINES / sizeof *MACHINES); at++)
        if (!strcmp(MACHINES[at].id, id)) return &MACHINES[at];
    fprintf(stderr, "FAKE_DRIVER=%s: ese equipo no está en tests/driver/nvidia.c\n", id ? id : "");
    abort();
}

static int how_many(const struct machine *machine) {
    int count = 0;
    while (count < MOST_CARDS && machine->cards[count].name) count++;
    return count;
}

// El UUID de la GPU de una ranura.
static void uuid_text(int slot, char text[41]) {
    sprintf(text, "GPU-00000000-0000-0000-0000-%012x", slot + 1);
}

// --- NVML: https://docs.nvidia.com/deploy/nvml-api/ ---

static const struct machine *nvml;  // nulo hasta que arranca
static int users;
static unsigned long long spent[MOST_CARDS];

enum nvml nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    const struct machine *machine = chosen();
    if (machine->nvml) return machine->nvml;
    if (!users++) memset(spent, 0, sizeof spent);
    nvml = machine;
    return NVML_SUCCESS;
}

enum nvml nvmlShutdown(void) {
    if (!users) return NVML_UNINITIALIZED;
    users--;
    return NVML_SUCCESS;
}

const char *nvmlErrorString(enum nvml error) {
    (void)error;  // de los que aquí se usan, `pynvml` se sabe el texto
    return "Unknown Error";
}

static enum nvml tell(char *out, unsigned length, const char *text) {
    if (strlen(text) >= length) return NVML_INSUFFICIENT_SIZE;
    strcpy(out, text);
    return NVML_SUCCESS;
}

enum nvml nvmlSystemGetDriverVersion(char *out, unsigned length) {
    return users ? tell(out, length, nvml->driver) : NVML_UNINITIALIZED;
}

enum nvml nvmlDeviceGetCount_v2(unsigned *count) {
    if (!users) return NVML_UNINITIALIZED;
    *count = how_many(nvml);
    return NVML_SUCCESS;
}

enum nvml nvmlDeviceGetHandleByIndex_v2(unsigned index, const struct card **card) {
    if (!users) return NVML_UNINITIALIZED;
    if (index >= (unsigned)how_many(nvml)) return NVML_INVALID_ARGUMENT;
    *card = &nvml->cards[index];
    return (*card)->unreachable;
}

// Contesta un número, o por qué no lo da.
#define ANSWER(out, value)                                 \
    do {                                                   \
        if (!users) return NVML_UNINITIALIZED;             \
        *(out) = (value);                                  \
        return *(out) ? NVML_SUCCESS : NVML_NOT_SUPPORTED; \
    } while (0)

// WSL2 toma por una letra cada dos de las suyas (UTF-16) y la escribe en cinco bytes, que ya no son
// UTF-8: https://github.com/NVIDIA/cuda-python/pull/2118.
static void garble(const char *text, char *out) {
    for (; *text; text += text[1] ? 2 : 1) {
        unsigned letter = (unsigned)text[0] | (unsigned)text[1] << 16;
        if (!text[1]) {
            *out++ = text[0];
            continue;
        }
        *out++ = (char)0xf8;
        for (int shift = 18; shift >= 0; shift -= 6)
            *out++ = (char)(0x80 | (letter >> shift & 0x3f));
    }
    *out = 0;
}

enum nvml nvmlDeviceGetName(const struct card *card, char *out, unsigned length) {
    if (!users) return NVML_UNINITIALIZED;
    char garbled[256];
    garble(card->name, garbled);
    return tell(out, length, nvml->unreadable ? garbled : card->name);
}

enum nvml nvmlDeviceGetUUID(const struct card *card, char *out, unsigned length) {
    if (!users) return NVML_UNINITIALIZED;
    char text[41];
    uuid_text(card - nvml->cards, text);
    return tell(out, length, text);
}

struct memory {
    unsigned long long total, free, used;
};

enum nvml nvmlDeviceGetMemoryInfo(const struct card *card, struct memory *memory) {
    if (!users) return NVML_UNINITIALIZED;
    if (!card->mib) return card->no_memory ? card->no_memory : NVML_NOT_SUPPORTED;
    *memory = (struct memory){.total = (unsigned long long)card->mib << 20};
    return NVML_SUCCESS;
}

enum nvml nvmlDeviceGetCudaComputeCapability(const struct card *card, int *major, int *minor) {
    *minor = card->minor;
    ANSWER(major, card->major);
}

enum nvml nvmlDeviceGetEnforcedPowerLimit(const struct card *card, unsigned *limit) {
    ANSWER(limit, card->watts * 1000);
}

enum nvml nvmlDeviceGetMigMode(const struct card *card, unsigned *now, unsigned *later) {
    if (!users) return NVML_UNINITIALIZED;
    *now = *later = card->mig == MIG_ENABLED;
    return card->mig == MIG_NOT_SUPPORTED ? NVML_NOT_SUPPORTED : NVML_SUCCESS;
}

enum nvml nvmlDeviceGetTotalEnergyConsumption(const struct card *card,
                                              unsigned long long *energy) {
    if (!users) return NVML_UNINITIALIZED;
    if (!card->joules) return NVML_NOT_SUPPORTED;
    *energy = card->joules * 1000ull + spent[card - nvml->cards];
    spent[card - nvml->cards] += 1500;
    return NVML_SUCCESS;
}

enum nvml nvmlDeviceGetCurrentClocksThrottleReasons(const struct card *card,
                                                    unsigned long long *reasons) {
    *reasons = card->slowed;
    return users ? NVML_SUCCESS : NVML_UNINITIALIZED;
}

enum nvml nvmlDeviceGetClockInfo(const struct card *card, unsigned kind, unsigned *clock) {
    (void)kind;
    ANSWER(clock, card->megahertz);
}

enum nvml nvmlDeviceGetTemperature(const struct card *card, unsigned sensor, unsigned *celsius) {
    (void)sensor;
    ANSWER(celsius, card->celsius);
}

struct program {
    unsigned pid;
    unsigned long long memory;
    unsigned gpu_instance, compute_instance;
};

// Como si este programa ya estuviese calculando en la GPU.
enum nvml nvmlDeviceGetComputeRunningProcesses_v3(const struct card *card, unsigned *count,
                                                  struct program *programs) {
    if (!users) return NVML_UNINITIALIZED;
    // Un controlador antiguo no tiene esta función; para `pynvml` es lo mismo que si dice esto.
    if (nvml->before_r510) return NVML_FUNCTION_NOT_FOUND;
    if (card->no_programs) return NVML_NOT_SUPPORTED;
    unsigned room = *count;
    *count = 1 + card->others;
    if (room < *count) return NVML_INSUFFICIENT_SIZE;
    for (unsigned at = 0; at < *count; at++)
        programs[at] = (struct program){.pid = getpid() + at + 100000 * nvml->host_programs};
    return NVML_SUCCESS;
}

// --- CUDA: https://docs.nvidia.com/cuda/cuda-driver-api/ ---

static const struct machine *cuda;  // nulo hasta que arranca
static int seen[MOST_CARDS], seen_count;  // las ranuras que ve, en su orden

// A cuál de las que hay, en el orden de CUDA, nombra un trozo de CUDA_VISIBLE_DEVICES: con su
// número o con el principio de su UUID; -1 si a ninguna.
static int named(const char *text, size_t length, const int order[], int count) {
    char *end;
    long index = strtol(text, &end, 10);
    if (length && end == text + length) return index >= 0 && index < count ? (int)index : -1;
    int found = -1, matches = 0;
    for (int at = 0; at < count; at++) {
        char uuid[41];
        uuid_text(order[at], uuid);
        if (length <= strlen("GPU-") || strncmp(uuid, text, length)) continue;
        found = at;
        matches++;
    }
    return matches == 1 ? found : -1;
}

static void look(const struct machine *machine) {
    int order[MOST_CARDS], count = 0;
    for (int slot = 0; slot < how_many(machine); slot++)
        if (!machine->cards[slot].unreachable) order[count++] = slot;
    // La más rápida primero; aquí, la más moderna.
    const char *by = getenv("CUDA_DEVICE_ORDER");
    if (count == 2 && !(by && !strcmp(by, "PCI_BUS_ID")) &&
        machine->cards[order[1]].major > machine->cards[order[0]].major) {
        int slower = order[0];
        order[0] = order[1];
        order[1] = slower;
    }
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    if (!visible) {
        memcpy(seen, order, sizeof seen);
        seen_count = count;
        return;
    }
    // Desde la primera que no existe, ninguna.
    for (seen_count = 0; seen_count < MOST_CARDS; seen_count++) {
        size_t length = strcspn(visible, ",");
        int at = named(visible, length, order, count);
        if (at < 0) return;
        seen[seen_count] = order[at];
        visible += length + !!visible[length];
    }
}

enum cuda cuInit(unsigned flags) {
    const struct machine *machine = chosen();
    cuda = NULL;
    (void)flags;
    if (machine->cuda) return machine->cuda;
    look(machine);
    if (!seen_count) return CUDA_NO_DEVICE;
    cuda = machine;
    return CUDA_SUCCESS;
}

enum cuda cuDeviceGetCount(int *count) {
    if (!cuda) return CUDA_NOT_INITIALIZED;
    *count = seen_count;
    return CUDA_SUCCESS;
}

enum cuda cuDeviceGet(int *device, int ordinal) {
    if (!cuda) return CUDA_NOT_INITIALIZED;
    if (ordinal < 0 || ordinal >= seen_count) return CUDA_INVALID_DEVICE;
    *device = ordinal;
    return CUDA_SUCCESS;
}

enum cuda cuDeviceGetName(char *out, int length, int device) {
    if (!cuda) return CUDA_NOT_INITIALIZED;
    if (device < 0 || device >= seen_count) return CUDA_INVALID_DEVICE;
    const struct card *card = &cuda->cards[seen[device]];
    snprintf(out, length, card->slice ? "%s MIG %s" : "%s", card->name, card->slice);
    return CUDA_SUCCESS;
}

enum cuda cuDeviceGetUuid_v2(unsigned char uuid[16], int device) {
    if (!cuda) return CUDA_NOT_INITIALIZED;
    if (device < 0 || device >= seen_count) return CUDA_INVALID_DEVICE;
    memset(uuid, 0, 16);
    uuid[15] = seen[device] + 1;
    if (cuda->cards[seen[device]].slice) uuid[0] = 0xff;  // el de la parte
    return CUDA_SUCCESS;
}
